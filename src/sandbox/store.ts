import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sealer } from '../redis/seal.ts';
import type { Credentials } from '../runtime/pki.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { AuditedWith } from '../tenancy/audit.ts';
import type { StoredKey } from '../tenancy/principal.ts';
import { describeChange, type Why } from './history.ts';
import { footprint } from './plan.ts';
import { createReads, type StoredText, toText } from './reads.ts';
import { isAwake, type SandboxRecord } from './record.ts';
import { usageNames } from './usage.ts';

export interface Stored {
  readonly record: SandboxRecord;
  /** Opened lazily: most readers do not need the keys. */
  readonly credentials: () => Credentials | null;
}

/** Later than any sandbox can expire, in epoch milliseconds. */
const never = 1e15;

/**
 * When it needs a look even while it waits for its first turn, in epoch milliseconds. Those that need none stand in the
 * order of their creation: at the end of a sorted set, Redis adds one for less than anywhere in it.
 */
function lookAt({ desired, sandbox: { createdAt, expiresAt } }: SandboxRecord): string {
  // At once, and each at a place of its own: many of one score are slow to page.
  if (desired === 'deleted') return String(Math.min(Date.parse(createdAt), Date.now()));
  return String(expiresAt === null ? never + Date.parse(createdAt) : Date.parse(expiresAt));
}

/** What a project may have when it has no limit of its own, in the order of the script. */
type QuotaDefaults = readonly number[];

export type Created =
  | { readonly outcome: 'created' | 'exists'; readonly stored: StoredText }
  | { readonly outcome: 'key_ended' }
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

  async function credentials(sandbox: Sandbox): Promise<Credentials | null> {
    return open(await redis.hget(keys.sandbox(sandbox.id), 's'), sandbox.project, sandbox.id);
  }

  /**
   * Makes a record if the key is what it was and the project's limits allow it, counts it, and puts it into the project's lane of
   * its host.
   */
  async function create(
    record: SandboxRecord,
    { why, audited, key }: { why?: Why; audited?: AuditedWith | undefined; key?: StoredKey | null | undefined } = {},
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
      keys.apiKey(key?.id ?? ''),
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
      key?.hash ?? '',
      ...quotaDefaults.map(String),
    );
    if (outcome === 'key_ended') return { outcome };
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

  return {
    get,
    ...createReads({ redis, keys }),
    credentials,
    create,
    update,
    remove,
  };
}
