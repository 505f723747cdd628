import { AppError } from '../errors.ts';
import type { Changes } from '../redis/changes.ts';
import { kubeconfig } from '../runtime/kubeconfig.ts';
import type { HistoryEntry } from '../schemas/history.ts';
import { findSandbox, notFound } from './find.ts';
import type { LogSelection } from './log-protocol.ts';
import { begun, type LogQuery } from './log-reader.ts';
import { type ChangeOptions, createServiceChanges } from './service-change.ts';
import { type CreateOptions, createServiceCreate } from './service-create.ts';
import { createServiceReads, type ReadOptions } from './service-read.ts';
import { createWait } from './wait.ts';

interface ServiceOptions extends CreateOptions, ChangeOptions, ReadOptions {
  readonly changes: Changes;
  readonly history: (project: string, sandboxId: string) => Promise<HistoryEntry[]>;
  readonly readLogs: (query: LogQuery, signal: AbortSignal) => AsyncGenerator<Buffer>;
}

export type LogsQuery = Omit<LogSelection, 'sandboxId'>;

export type SandboxService = ReturnType<typeof createSandboxService>;

/** What a user can do with sandboxes, whatever the protocol. Everything is of one project. */
export function createSandboxService(options: ServiceOptions) {
  const { store } = options;
  return {
    create: createServiceCreate(options),
    ...createServiceReads(options),
    ...createServiceChanges(options),
    wait: createWait(options),
    hosts: options.hosts.alive,

    /** Throws `kubeconfig_unavailable` while it has none. */
    async kubeconfig(project: string, id: string) {
      const sandbox = await findSandbox(store, project, id);
      const { endpoint, phase } = sandbox.status;
      const credentials = endpoint === null ? null : await store.credentials(sandbox);
      if (endpoint !== null && credentials) return kubeconfig({ id, endpoint, credentials });
      throw new AppError('kubeconfig_unavailable', `${id} is ${phase}; it has a kubeconfig once it is ready.`, {
        retryAfterSeconds: 1,
      });
    },

    /** Resolves once the log is there. Rejects with `logs_unavailable` and `no_worker`. */
    async logs(project: string, id: string, query: LogsQuery, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
      const { host, phase } = (await findSandbox(store, project, id)).status;
      if (host === null) throw new AppError('logs_unavailable', `${id} is ${phase}: no host has taken it yet.`);
      return await begun(options.readLogs({ sandboxId: id, host, ...query }, signal), signal);
    },

    /** Also of a sandbox that was deleted less than a day ago. */
    async history(project: string, id: string): Promise<HistoryEntry[]> {
      const entries = await options.history(project, id);
      if (entries.length === 0) throw notFound(id);
      return entries;
    },
  };
}
