import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
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
import type { Feed } from '../watch/watch.ts';
import { checkArguments } from './flags.ts';
import type { Hosts } from './hosts.ts';
import type { Lanes } from './lanes.ts';
import { begun, type LogQuery } from './log-relay.ts';
import type { StoredText } from './reads.ts';
import { newSandboxId, type SandboxRecord, toDeleting } from './record.ts';
import { merge, newRecord } from './resource.ts';
import { matchesLabels, parseSelectors, type Requirement } from './selector.ts';
import type { Store } from './store.ts';
import { createWait, notFound } from './wait.ts';

export interface ServiceOptions {
  readonly store: Store;
  readonly lanes: Lanes;
  readonly hosts: Hosts;
  readonly changes: Changes;
  readonly feed: Feed;
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
  const { store, lanes, hosts, changes, feed, logger } = options;

  /** `audited` is written with the record, or not at all. Throws `key_revoked` where the caller's key is none any more. */
  async function create(
    caller: Caller,
    body: SandboxCreate,
    { id = newSandboxId(), audited }: { id?: string; audited?: AuditedWith | undefined } = {},
  ): Promise<StoredText> {
    checkArguments(body.spec);
    const versions = options.resolveVersions(body.spec);
    const placed = await hosts.place(body.spec.runtime);
    const record = newRecord({ id, project: caller.project, body, versions, placed });
    const created = await store.create(record, { why: requestedBy(caller), audited, key: caller.key });
    if ('stored' in created) return created.stored;
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

  async function find(project: string, id: string): Promise<Sandbox> {
    const sandbox = await store.read(project, id);
    if (!sandbox) throw notFound(id);
    return sandbox;
  }

  /** As `get`, but as the JSON that is stored. */
  async function getText(project: string, id: string): Promise<StoredText> {
    const text = await store.readText(project, id);
    if (!text) throw notFound(id);
    return text;
  }

  async function list(project: string, query: ListQuery): Promise<SandboxPage> {
    const wanted = parseSelectors(query.label ?? []);
    const items: Sandbox[] = [];
    const since = await feed.lastId(project);
    let position = parseCursor(query.cursor);
    // Filters thin out a page: go on until it is full, for a bounded number of reads.
    for (let reads = 0; reads < maxPagesRead; reads += 1) {
      const page = await store.page(project, query.limit - items.length, position);
      const found = await store.readMany(project, page.members);
      items.push(...found.filter((sandbox) => matches(sandbox, query.phase, wanted)));
      position = page.next;
      if (!position || items.length >= query.limit) break;
    }
    return { items, nextCursor: toCursor(position), since };
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
    const { project } = caller;
    await find(project, id);
    const change = (record: SandboxRecord) => {
      checkMatch(record.sandbox.resourceVersion, ifMatch);
      return record.desired === 'deleted' ? null : toDeleting(record);
    };
    const updated = await store.update(id, change, { why: requestedBy(caller) });
    if (!updated) throw notFound(id);
    const { sandbox } = updated;
    // Acknowledged from here on: a call that is lost delays it until the next sweep.
    await lanes.enqueue(sandbox.status.host, 'changes', project, id).catch((error: unknown) => {
      logger.warn({ sandboxId: id, err: error }, 'call not sent, the sweep will find the deletion');
    });
    return sandbox;
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
    const { status } = await find(project, id);
    return await begun(options.readLogs({ sandboxId: id, host: status.host, ...query }, signal), signal);
  }

  /** Also of a sandbox that was deleted less than a day ago. */
  async function history(project: string, id: string): Promise<HistoryEntry[]> {
    const entries = await options.history(project, id);
    if (entries.length === 0) throw notFound(id);
    return entries;
  }

  return {
    create,
    get: find,
    getText,
    list,
    patch,
    remove,
    history,
    logs,
    kubeconfig: kubeconfigOf,
    wait: createWait({ store, changes }),
    watch: feed.watch,
    hosts: hosts.alive,
  };
}

function requestedBy({ subject }: Caller) {
  return { reason: 'Requested', message: `by ${subject}` };
}

function matches(sandbox: Sandbox, phase: Phase | undefined, labels: readonly Requirement[]): boolean {
  return (phase === undefined || sandbox.status.phase === phase) && matchesLabels(sandbox.labels, labels);
}
