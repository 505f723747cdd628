import type { Redis } from 'ioredis';
import { type IndexPosition, readIndex } from '../paging.ts';
import type { RedisKeys } from '../redis-keys.ts';
import type { Credentials } from '../runtime/pki.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { Sealer } from '../seal.ts';
import type { AuditedWith } from '../tenancy/audit.ts';
import { describeChange, type Why } from './history.ts';
import { footprint } from './plan.ts';
import { isAwake, type SandboxRecord } from './record.ts';
import { usageNames } from './usage.ts';

export interface Stored {
  readonly record: SandboxRecord;
  /** Opened lazily: most readers do not need the keys. */
  readonly credentials: () => Credentials | null;
}

/** A resource as the JSON that users get. */
export interface StoredText {
  readonly id: string;
  readonly text: string;
  readonly resourceVersion: string;
  readonly project: string;
}

/** A resource that was changed on its way to the user. */
export function toText(sandbox: Sandbox): StoredText {
  const { id, resourceVersion, project } = sandbox;
  return { id, text: JSON.stringify(sandbox), resourceVersion, project };
}

/** When it needs a look even while it waits for its first turn, in epoch milliseconds. */
function lookAt({ desired, sandbox }: SandboxRecord): string {
  if (desired === 'deleted') return '0';
  return sandbox.expiresAt === null ? '+inf' : String(Date.parse(sandbox.expiresAt));
}

/** Whether it may have a place in the queue. Few do, and looking for it takes a script. */
export function mayWait({ text }: StoredText): boolean {
  return text.includes('"phase":"pending"') || text.includes('"phase":"degraded"');
}

/** What a project may have when it has no limit of its own, in the order of the script. */
type QuotaDefaults = readonly number[];

export type Created =
  | { readonly outcome: 'created' | 'exists'; readonly stored: StoredText }
  | { readonly outcome: 'not_found' }
  | { readonly outcome: 'deleting' }
  | {
      readonly outcome: 'quota';
      readonly limit: { readonly name: string; readonly value: number; readonly used: number };
      readonly retryAfterMs: number;
    };

interface StoreOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly sealer: Sealer;
  readonly quotaDefaults?: QuotaDefaults;
  /** How many changes of a project a watch can go back. */
  readonly feedLength?: number;
}

const idsAtOnce = 500;
const keepHistorySeconds = 24 * 3600;
const noLimits: QuotaDefaults = [1e9, 1e9, 1e9, -1, 1e9, 1e9];

export type Store = ReturnType<typeof createStore>;

/** The records in Redis. Every change compares and swaps on the version; who loses reads again. */
export function createStore(options: StoreOptions) {
  const { redis, keys, sealer, quotaDefaults = noLimits, feedLength = 5000 } = options;
  const contextOf = (project: string, id: string) => `${project}/${id}`;
  const feedBound = String(feedLength);

  function open(sealed: string | null | undefined, project: string, id: string): Credentials | null {
    return sealed ? (JSON.parse(sealer.open(sealed, contextOf(project, id))) as Credentials) : null;
  }

  /** For workers: the whole record, of whatever project. */
  async function get(id: string): Promise<Stored | null> {
    const [resource, internal, sealed] = await redis.hmget(keys.sandbox(id), 'r', 'i', 's');
    if (!resource || !internal) return null;
    const sandbox = JSON.parse(resource) as Sandbox;
    const record = { sandbox, ...(JSON.parse(internal) as Omit<SandboxRecord, 'sandbox'>) };
    return { record, credentials: () => open(sealed, sandbox.project, id) };
  }

  /**
   * For users: the resource as JSON, whoever's it is, without its place in the queue. It may be asked for before it is
   * known who asks; whoever does must compare the project.
   */
  async function readUnchecked(id: string): Promise<StoredText | null> {
    const [project, text, resourceVersion] = await redis.hmget(keys.sandbox(id), 'p', 'r', 'v');
    return project && text && resourceVersion ? { id, text, resourceVersion, project } : null;
  }

  /**
   * The resource as JSON, its place in the queue included, if it is the project's. Another project's is as unknown as one
   * that is not there.
   */
  async function readText(project: string, id: string): Promise<StoredText | null> {
    const reply = await redis.spRead(keys.sandbox(id), project, id);
    return reply && { id, text: reply[0], resourceVersion: reply[1], project };
  }

  async function read(project: string, id: string): Promise<Sandbox | null> {
    const found = await readText(project, id);
    return found && (JSON.parse(found.text) as Sandbox);
  }

  async function readMany(project: string, ids: readonly string[]): Promise<Sandbox[]> {
    const found = await Promise.all(ids.map((id) => read(project, id)));
    return found.filter((sandbox) => sandbox !== null);
  }

  /** The uid of the project that it was made in. */
  async function projectUid(id: string): Promise<string | null> {
    return await redis.hget(keys.sandbox(id), 'o');
  }

  /** What it was at last, for as long as its history is kept; null while it is there, and of what never was. */
  async function readDeleted(project: string, id: string): Promise<Sandbox | null> {
    const [last] = await redis.xrevrange(keys.history(project, id), '+', '-', 'COUNT', 1);
    const [, , , text] = last?.[1] ?? [];
    return text ? (JSON.parse(text) as Sandbox) : null;
  }

  async function credentials(sandbox: Sandbox): Promise<Credentials | null> {
    return open(await redis.hget(keys.sandbox(sandbox.id), 's'), sandbox.project, sandbox.id);
  }

  /** Makes a record if the project's limits allow it, counts it, and puts it into the project's lane of its host. */
  async function create(
    record: SandboxRecord,
    { why, audited }: { why?: Why; audited?: AuditedWith } = {},
  ): Promise<Created> {
    const { sandbox, ...internal } = record;
    const { id, project, createdAt, spec } = sandbox;
    const { host } = sandbox.status;
    const { memoryMiB, diskMiB } = footprint(spec);
    const stored = toText(sandbox);
    const [outcome, ...rest] = await redis.spCreate(
      keys.sandbox(id),
      keys.project(project),
      keys.projectIndex(project),
      keys.hostWaiting(host),
      keys.feed(project),
      keys.turns(host, 'starts'),
      keys.lane(host, 'starts', project),
      keys.usageNow(project),
      keys.outbox,
      keys.webhooks(project),
      keys.audit(audited?.projectUid ?? ''),
      id,
      project,
      String(Date.parse(createdAt)),
      stored.text,
      JSON.stringify(internal),
      String(memoryMiB),
      String(diskMiB),
      String(spec.ttlSeconds ?? -1),
      usageNames(sandbox),
      JSON.stringify(describeChange(null, record, why)),
      keys.usageOfDay(project, ''),
      keys.changes,
      keys.laneCalls(host),
      feedBound,
      audited ? JSON.stringify(audited.note) : '',
      audited?.projectUid ?? '',
      lookAt(record),
      ...quotaDefaults.map(String),
    );
    if (outcome === 'created') return { outcome, stored };
    if (outcome === 'exists') return { outcome, stored: toText(JSON.parse(String(rest[0])) as Sandbox) };
    if (outcome === 'not_found') return { outcome };
    if (outcome === 'deleting') return { outcome };
    const [name, value, used, retryAfterMs] = rest;
    const limit = { name: String(name), value: Number(value), used: Number(used) };
    return { outcome: 'quota', limit, retryAfterMs: Number(retryAfterMs) };
  }

  /**
   * Applies `change` to the newest record and stores the outcome, again and again until no other writer came between.
   * `change` returns null to leave the record as it is. Returns what is stored, or null when there is no record.
   */
  async function update(
    id: string,
    change: (record: SandboxRecord) => SandboxRecord | null,
    { credentials, why }: { credentials?: Credentials; why?: Why } = {},
  ): Promise<SandboxRecord | null> {
    for (;;) {
      const stored = await get(id);
      if (!stored) return null;
      const changed = change(stored.record);
      if (!changed) return stored.record;
      const swapped = await swap(stored.record, changed, credentials, why);
      if (swapped) return swapped;
    }
  }

  async function swap(before: SandboxRecord, changed: SandboxRecord, credentials?: Credentials, why?: Why) {
    const { resourceVersion: expected } = before.sandbox;
    const resourceVersion = String(Number(expected) + 1);
    const after = {
      ...changed,
      sandbox: { ...changed.sandbox, resourceVersion, updatedAt: new Date().toISOString() },
    };
    const { sandbox, ...internal } = after;
    const { id, project } = sandbox;
    const awake = isAwake(after);
    const note = describeChange(before, after, why);
    const swapped = await redis.spSwap(
      keys.sandbox(id),
      keys.project(project),
      keys.feed(project),
      keys.history(project, id),
      keys.usageNow(project),
      keys.outbox,
      keys.webhooks(project),
      keys.hostWaiting(sandbox.status.host),
      id,
      project,
      expected,
      JSON.stringify(sandbox),
      JSON.stringify(internal),
      credentials ? sealer.seal(JSON.stringify(credentials), contextOf(project, id)) : '',
      awake === null ? '' : awake ? '1' : '0',
      usageNames(sandbox),
      note ? JSON.stringify(note) : '',
      keys.usageOfDay(project, ''),
      keys.changes,
      feedBound,
      lookAt(after),
    );
    return swapped === 1 ? after : null;
  }

  /** Removes the record and everything in the store that is only about it, but for its history. */
  async function remove(before: Sandbox): Promise<void> {
    const { id, project } = before;
    const { host } = before.status;
    const resourceVersion = String(Number(before.resourceVersion) + 1);
    const status = { ...before.status, phase: 'deleted' as const, endpoint: null };
    const gone: Sandbox = { ...before, resourceVersion, updatedAt: new Date().toISOString(), status };
    await redis.spRemove(
      keys.sandbox(id),
      keys.projectIndex(project),
      keys.hostIndex(host),
      keys.ports(host),
      keys.project(project),
      keys.feed(project),
      keys.history(project, id),
      keys.usageNow(project),
      keys.outbox,
      keys.webhooks(project),
      keys.lane(host, 'starts', project),
      keys.inFlight(host, 'starts'),
      keys.lane(host, 'changes', project),
      keys.inFlight(host, 'changes'),
      keys.hostWaiting(host),
      id,
      project,
      JSON.stringify(gone),
      JSON.stringify({
        at: gone.updatedAt,
        type: 'deleted',
        reason: 'Removed',
        message: 'nothing of it is left',
        phase: 'deleted',
      }),
      keys.usageOfDay(project, ''),
      keys.changes,
      feedBound,
      String(keepHistorySeconds),
    );
  }

  /** A page of a project's ids, newest first. */
  async function page(project: string, limit: number, after: IndexPosition | null) {
    return await readIndex(redis, keys.projectIndex(project), limit, after);
  }

  async function* pages(index: string): AsyncGenerator<string[]> {
    for (let start = 0; ; start += idsAtOnce) {
      const ids = await redis.zrange(index, String(start), String(start + idsAtOnce - 1));
      if (ids.length > 0) yield ids;
      if (ids.length < idsAtOnce) return;
    }
  }

  /**
   * The ids that a host has to look at, in pages: all but those that only wait for their first turn. `thorough`: also those
   * that wait and have lost their place in their lane.
   */
  async function* idsToLookAt(host: string, { thorough }: { thorough: boolean }): AsyncGenerator<string[]> {
    yield* pages(keys.hostIndex(host));
    const waiting = keys.hostWaiting(host);
    yield await redis.zrange(waiting, '-inf', String(Date.now()), 'BYSCORE', 'LIMIT', '0', String(idsAtOnce));
    if (!thorough) return;
    for await (const ids of pages(waiting)) yield await redis.spNotInLane(ids.length, ...ids.map(keys.sandbox), ...ids);
  }

  return {
    get,
    read,
    readText,
    readUnchecked,
    readMany,
    readDeleted,
    projectUid,
    credentials,
    create,
    update,
    remove,
    page,
    idsToLookAt,
  };
}
