import type { Redis } from 'ioredis';
import { createSandbox, removeSandbox, updateSandbox } from '../redis/calls/sandbox-writes.ts';
import { recordFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sealer } from '../redis/seal.ts';
import type { Credentials } from '../runtime/pki.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import { type AuditedWith, maxAuditEntries } from '../tenancy/audit.ts';
import type { StoredKey } from '../tenancy/principal.ts';
import { describeChange, type Why } from './history.ts';
import { footprint } from './plan.ts';
import { createReads, type StoredText, toText } from './reads.ts';
import { isAwake, isUnstarted, nextCheckAt, type SandboxRecord } from './record.ts';
import { usageNames } from './usage.ts';

export interface Stored {
  readonly record: SandboxRecord;
  /** Opened lazily: most readers do not need the keys. */
  readonly credentials: () => Credentials | null;
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

  function open(sealed: string | null | undefined, project: string, id: string): Credentials | null {
    return sealed ? (JSON.parse(sealer.open(sealed, contextOf(project, id))) as Credentials) : null;
  }

  /** For workers: the whole record, of whatever project. */
  async function get(id: string): Promise<Stored | null> {
    const [resource, internal, sealed] = await redis.hmget(
      keys.sandbox(id),
      recordFields.resource,
      recordFields.internal,
      recordFields.credentials,
    );
    if (!resource || !internal) return null;
    const sandbox = JSON.parse(resource) as Sandbox;
    const record = { sandbox, ...(JSON.parse(internal) as Omit<SandboxRecord, 'sandbox'>) };
    return { record, credentials: () => open(sealed, sandbox.project, id) };
  }

  async function credentials(sandbox: Sandbox): Promise<Credentials | null> {
    return open(await redis.hget(keys.sandbox(sandbox.id), recordFields.credentials), sandbox.project, sandbox.id);
  }

  /**
   * Makes a record if the key is what it was and the project's limits allow it, counts it, and notes that it waits for its
   * start.
   */
  async function create(
    record: SandboxRecord,
    { why, audited, key }: { why?: Why; audited?: AuditedWith | undefined; key?: StoredKey | null | undefined } = {},
  ): Promise<Created> {
    const { sandbox, ...internal } = record;
    const { id, project, createdAt, spec } = sandbox;
    const { memoryMiB, diskMiB } = footprint(spec);
    const stored = toText(sandbox);
    const reply = await createSandbox(redis, {
      keys: {
        record: keys.sandbox(id),
        project: keys.project(project),
        projectIndex: keys.projectIndex(project),
        unstarted: keys.unstarted(sandbox.status.runtime),
        eventLog: keys.feed(project),
        usageNow: keys.usageNow(project),
        outbox: keys.outbox,
        webhooks: keys.webhooks(project),
        auditLog: keys.audit(audited?.projectUid ?? ''),
        apiKey: keys.apiKey(key?.id ?? ''),
      },
      id,
      project,
      createdAtMs: Date.parse(createdAt),
      resource: stored.text,
      internal: JSON.stringify(internal),
      memoryMiB,
      diskMiB,
      ttlSeconds: spec.ttlSeconds ?? -1,
      usageNames: usageNames(sandbox),
      historyEntry: JSON.stringify(describeChange(null, record, why)),
      dayPrefix: keys.usageOfDay(project, ''),
      changesChannel: keys.changes,
      maxEvents: feedLength,
      auditEntry: audited ? JSON.stringify(audited.note) : '',
      maxAuditEntries,
      projectUid: audited?.projectUid ?? '',
      nextCheckAtMs: nextCheckAt(record),
      keyHash: key?.hash ?? '',
      defaultQuotas: quotaDefaults,
    });
    const [outcome] = reply;
    if (outcome === 'created') return { outcome, stored };
    if (outcome === 'exists') return { outcome, stored: toText(JSON.parse(reply[1]) as Sandbox) };
    if (outcome !== 'quota') return { outcome };
    const [, name, value, used, retryAfterMs] = reply;
    return { outcome, limit: { name, value, used }, retryAfterMs };
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
    const [hostBefore, hostAfter] = [before.sandbox.status.host, sandbox.status.host];
    const note = describeChange(before, after, why);
    const isWritten = await updateSandbox(redis, {
      keys: {
        record: keys.sandbox(id),
        project: keys.project(project),
        eventLog: keys.feed(project),
        history: keys.history(project, id),
        usageNow: keys.usageNow(project),
        outbox: keys.outbox,
        webhooks: keys.webhooks(project),
        unstarted: keys.unstarted(sandbox.status.runtime),
        hostIndexBefore: keys.hostIndex(hostBefore ?? ''),
        hostIndexAfter: keys.hostIndex(hostAfter ?? ''),
      },
      id,
      project,
      expectedVersion: expected,
      resource: JSON.stringify(sandbox),
      internal: JSON.stringify(internal),
      credentials: credentials ? sealer.seal(JSON.stringify(credentials), contextOf(project, id)) : null,
      awake: isAwake(after),
      usageNames: usageNames(sandbox),
      historyEntry: note && JSON.stringify(note),
      dayPrefix: keys.usageOfDay(project, ''),
      changesChannel: keys.changes,
      maxEvents: feedLength,
      nextCheckAtMs: isUnstarted(after) ? nextCheckAt(after) : null,
      hostBefore,
      hostAfter,
    });
    return isWritten ? after : null;
  }

  /** Removes the record and everything in the store that is only about it, but for its history. */
  async function remove(before: Sandbox): Promise<void> {
    const { id, project } = before;
    const host = before.status.host ?? '';
    const resourceVersion = String(Number(before.resourceVersion) + 1);
    const status = { ...before.status, phase: 'deleted' as const, endpoint: null };
    const gone: Sandbox = { ...before, resourceVersion, updatedAt: new Date().toISOString(), status };
    const entry = {
      at: gone.updatedAt,
      type: 'deleted',
      reason: 'Removed',
      message: 'nothing of it is left',
      phase: 'deleted',
    };
    await removeSandbox(redis, {
      keys: {
        record: keys.sandbox(id),
        projectIndex: keys.projectIndex(project),
        hostIndex: keys.hostIndex(host),
        ports: keys.ports(host),
        project: keys.project(project),
        eventLog: keys.feed(project),
        history: keys.history(project, id),
        usageNow: keys.usageNow(project),
        outbox: keys.outbox,
        webhooks: keys.webhooks(project),
        unstarted: keys.unstarted(before.status.runtime),
      },
      id,
      project,
      resource: JSON.stringify(gone),
      historyEntry: JSON.stringify(entry),
      dayPrefix: keys.usageOfDay(project, ''),
      changesChannel: keys.changes,
      maxEvents: feedLength,
      keepHistorySeconds,
    });
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
