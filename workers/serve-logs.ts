import { AppError } from '../src/errors.ts';
import { serveLogs as serve } from '../src/sandbox/log-server.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';

/** Sends the logs of this host's sandboxes to API processes that ask for them. */
export async function serveLogs({
  redis,
  subscriber,
  keys,
  host,
  store,
  runtimes,
}: WorkerParts): Promise<RunningWorker> {
  return await serve({
    redis,
    subscriber,
    keys,
    host,
    async read({ sandboxId, ...options }, signal) {
      const stored = await store.get(sandboxId);
      const found = stored && runtimes.get(stored.record.sandbox.status.runtime);
      if (!found) throw new AppError('logs_unavailable', `There are no logs of ${sandboxId} on ${host}.`);
      return await found.runtime.logs(sandboxId, options.component, { ...options, signal });
    },
  });
}
