import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { SandboxQueues } from '../queue/sandbox-queues.ts';
import type { Changes } from '../redis/changes.ts';
import { checkMatch } from '../resources/etag.ts';
import { parseCursor, toCursor } from '../resources/paging.ts';
import { kubeconfig } from '../runtime/kubeconfig.ts';
import type { HistoryEntry } from '../schemas/history.ts';
import type { Phase, Sandbox } from '../schemas/sandbox.ts';
import type { SandboxCreate, SandboxPatch } from '../schemas/sandbox-input.ts';
import type { AuditedWith } from '../tenancy/audit.ts';
import { keyEnded } from '../tenancy/key-format.ts';
import type { StoredKey } from '../tenancy/principal.ts';
import { noProject, projectDeleting } from '../tenancy/projects.ts';
import { quotaExceeded } from '../tenancy/quotas.ts';
import type { Deletion } from './deletion.ts';
import { checkArguments } from './flags.ts';
import type { Hosts } from './hosts.ts';
import { begun, type LogQuery } from './log-relay.ts';
import { type StoredText, toText } from './reads.ts';
import { newSandboxId, type SandboxRecord } from './record.ts';
import { merge, newRecord } from './resource.ts';
import { matchesLabels, parseSelectors, type Requirement } from './selector.ts';
import type { Store } from './store.ts';
import { createWait, notFound } from './wait.ts';

export interface ServiceOptions {
  readonly store: Store;
  readonly queues: SandboxQueues;
  readonly deletion: Deletion;
  readonly hosts: Hosts;
  readonly changes: Changes;
  readonly history: (project: string, sandboxId: string) => Promise<HistoryEntry[]>;
  /** The longest time to live in a project, in seconds; null for no limit. */
  readonly maxTtlSeconds: (project: string) => Promise<number | null>;
  readonly resolveVersions: (wanted: { kubernetesVersion?: string; etcdVersion?: string }) => {
    kubernetesVersion: string;
    etcdVersion: string;
  };
  readonly readLogs: (query: LogQuery, signal: AbortSignal) => AsyncIterable<Buffer>;
  readonly logger: Logger;
}

/** Who asks, and in which project. */
export interface Caller {
  readonly project: string;
  /** As told in the history. */
  readonly subject: string;
  /** What a create has to find in the store as it was. */
  readonly key?: StoredKey | null;
}

export interface ListQuery {
  readonly limit: number;
  readonly cursor?: string;
  readonly phase?: Phase;
  readonly label?: readonly string[];
}

export interface LogsQuery {
  readonly component: string;
  readonly tail: number;
  readonly follow: boolean;
}

export interface SandboxPage {
  readonly items: Sandbox[];
  readonly nextCursor: string | null;
  /** Where a watch goes on from this page without a gap. */
  readonly since: string;
}

export type SandboxService = ReturnType<typeof createSandboxService>;

const maxPagesRead = 20;

/** What a user can do with sandboxes, whatever the protocol. Everything is of one project. */
export function createSandboxService(options: ServiceOptions) {
  const { store, queues, deletion, hosts, changes, logger } = options;

  /** `audited` is written with the record, or not at all. Throws `key_revoked` where the caller's key is none any more. */
  async function create(
    caller: Caller,
    body: SandboxCreate,
    { id = newSandboxId(), audited }: { id?: string; audited?: AuditedWith | undefined } = {},
  ): Promise<StoredText> {
    checkArguments(body.spec);
    const versions = options.resolveVersions(body.spec);
    const runtime = await hosts.runtimeFor(body.spec.runtime);
    const record = newRecord({ id, project: caller.project, body, versions, runtime });
    const created = await store.create(record, { why: requestedBy(caller), audited, key: caller.key });
    if ('stored' in created) {
      await enqueueStart(record.sandbox);
      return created.stored;
    }
    if (created.outcome === 'key_ended') throw keyEnded();
    if (created.outcome === 'not_found') throw noProject(caller.project);
    if (created.outcome === 'deleting') throw projectDeleting(caller.project);
    const { limit, retryAfterMs } = created;
    // Who asks for no time to live in particular gets the longest there is.
    if (limit.name === 'maxTtlSeconds' && body.spec.ttlSeconds === undefined) {
      return await create(caller, { ...body, spec: { ...body.spec, ttlSeconds: limit.value } }, { id, audited });
    }
    throw quotaExceeded(caller.project, limit, retryAfterMs);
  }

  /** The record is there and will be started: a job that is lost on its way is added again by a sweep. */
  async function enqueueStart(sandbox: Sandbox): Promise<void> {
    await queues.addStart(sandbox.status.runtime, sandbox).catch((error: unknown) => {
      logger.warn({ sandboxId: sandbox.id, err: error }, 'start not queued, a sweep will add it');
    });
  }

  async function find(project: string, id: string): Promise<Sandbox> {
    const sandbox = await store.read(project, id);
    if (!sandbox) throw notFound(id);
    return sandbox;
  }

  async function get(project: string, id: string): Promise<Sandbox> {
    const [sandbox] = await withPositions([await find(project, id)]);
    return sandbox as Sandbox;
  }

  /** As `get`, as the JSON that is stored. */
  async function getText(project: string, id: string): Promise<StoredText> {
    const found = await store.readText(project, id);
    if (!found) throw notFound(id);
    return found.text.includes('"phase":"pending"') ? toText(await get(project, id)) : found;
  }

  /** With the position in the queue of those that wait there: it changes without a change of the record. */
  async function withPositions(sandboxes: readonly Sandbox[]): Promise<Sandbox[]> {
    const waiting = Map.groupBy(
      sandboxes.filter(({ status }) => status.phase === 'pending'),
      ({ status }) => status.runtime,
    );
    const positions = new Map<string, number | null>();
    for (const [runtime, those] of waiting) {
      const ids = those.map(({ id }) => id);
      const found = await queues.startPositions(runtime, ids);
      ids.forEach((id, i) => {
        positions.set(id, found[i] ?? null);
      });
    }
    return sandboxes.map((sandbox) => {
      const queuePosition = positions.get(sandbox.id) ?? null;
      return queuePosition === null ? sandbox : { ...sandbox, status: { ...sandbox.status, queuePosition } };
    });
  }

  async function list(project: string, query: ListQuery): Promise<SandboxPage> {
    const wanted = parseSelectors(query.label ?? []);
    const items: Sandbox[] = [];
    const since = await store.lastEventId(project);
    let position = parseCursor(query.cursor);
    // Filters thin out a page: go on until it is full, for a bounded number of reads.
    for (let reads = 0; reads < maxPagesRead; reads += 1) {
      const page = await store.page(project, query.limit - items.length, position);
      const found = await store.readMany(project, page.members);
      items.push(...found.filter((sandbox) => matches(sandbox, query.phase, wanted)));
      position = page.next;
      if (!position || items.length >= query.limit) break;
    }
    return { items: await withPositions(items), nextCursor: toCursor(position), since };
  }

  async function patch(caller: Caller, id: string, body: SandboxPatch, ifMatch?: string): Promise<Sandbox> {
    await find(caller.project, id);
    await checkTtl(caller.project, body.spec?.ttlSeconds);
    const change = (record: SandboxRecord) => {
      checkMatch(record.sandbox.resourceVersion, ifMatch);
      if (record.desired === 'deleted') {
        throw new AppError('sandbox_deleting', `${id} is being deleted, and cannot be changed any more.`);
      }
      const merged = merge(record, body);
      return isDeepStrictEqual(merged.sandbox, record.sandbox) ? null : merged;
    };
    const updated = await store.update(id, change, { why: requestedBy(caller) });
    if (!updated) throw notFound(id);
    return updated.sandbox;
  }

  async function checkTtl(project: string, ttlSeconds: number | null | undefined): Promise<void> {
    if (ttlSeconds === undefined) return;
    const longest = await options.maxTtlSeconds(project);
    if (longest === null || (ttlSeconds !== null && ttlSeconds <= longest)) return;
    throw quotaExceeded(project, { name: 'maxTtlSeconds', value: longest, used: ttlSeconds ?? -1 }, 0);
  }

  async function remove(caller: Caller, id: string, ifMatch?: string): Promise<Sandbox> {
    await find(caller.project, id);
    const mayBe = (record: SandboxRecord) => {
      checkMatch(record.sandbox.resourceVersion, ifMatch);
      return true;
    };
    const marked = await deletion.request(id, requestedBy(caller), mayBe);
    if (!marked) throw notFound(id);
    return marked.sandbox;
  }

  async function kubeconfigOf(project: string, id: string) {
    const sandbox = await find(project, id);
    const { endpoint, phase } = sandbox.status;
    const credentials = endpoint === null ? null : await store.credentials(sandbox);
    if (endpoint === null || !credentials) {
      throw new AppError('kubeconfig_unavailable', `${id} is ${phase}; it has a kubeconfig once it is ready.`, {
        retryAfterSeconds: 1,
      });
    }
    return kubeconfig({ id, endpoint, credentials });
  }

  /** Resolves once the log is there. Rejects with `logs_unavailable` and `no_worker`. */
  async function logs(
    project: string,
    id: string,
    query: LogsQuery,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>> {
    const { host, phase } = (await find(project, id)).status;
    if (host === null) throw new AppError('logs_unavailable', `${id} is ${phase}: no host has taken it yet.`);
    return await begun(options.readLogs({ sandboxId: id, host, ...query }, signal), signal);
  }

  /** Also of a sandbox that was deleted less than a day ago. */
  async function history(project: string, id: string): Promise<HistoryEntry[]> {
    const entries = await options.history(project, id);
    if (entries.length === 0) throw notFound(id);
    return entries;
  }

  return {
    create,
    get,
    getText,
    list,
    patch,
    remove,
    history,
    logs,
    kubeconfig: kubeconfigOf,
    wait: createWait({ store, changes }),
    hosts: hosts.alive,
  };
}

function requestedBy({ subject }: Caller) {
  return { reason: 'Requested', message: `by ${subject}` };
}

function matches(sandbox: Sandbox, phase: Phase | undefined, labels: readonly Requirement[]): boolean {
  return (phase === undefined || sandbox.status.phase === phase) && matchesLabels(sandbox.labels, labels);
}
