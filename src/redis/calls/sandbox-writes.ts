import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

interface NewSandbox {
  readonly keys: {
    readonly record: string;
    readonly project: string;
    readonly projectIndex: string;
    readonly unstarted: string;
    readonly eventLog: string;
    readonly usageNow: string;
    readonly outbox: string;
    readonly webhooks: string;
    readonly auditLog: string;
    readonly apiKey: string;
  };
  readonly id: string;
  readonly project: string;
  readonly createdAtMs: number;
  /** JSON, as are `internal`, `usageNames`, `historyEntry` and `auditEntry`. */
  readonly resource: string;
  readonly internal: string;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  /** -1 for no end. */
  readonly ttlSeconds: number;
  readonly usageNames: string;
  readonly historyEntry: string;
  readonly dayPrefix: string;
  readonly changesChannel: string;
  readonly maxEvents: number;
  /** '' for none. */
  readonly auditEntry: string;
  readonly maxAuditEntries: number;
  /** '' for whichever. */
  readonly projectUid: string;
  readonly nextCheckAtMs: number;
  /** '' when no key has to be valid. */
  readonly keyHash: string;
  /** The limits of a project that has no other: sandboxes, awake, startsPerMinute, maxTtlSeconds, memoryMiB, diskMiB. */
  readonly defaultQuotas: readonly number[];
}

/** scripts/create-sandbox.lua */
export function createSandbox(redis: Redis, { keys, ...given }: NewSandbox) {
  return redis.createSandbox(
    ...scriptArguments(
      [
        keys.record,
        keys.project,
        keys.projectIndex,
        keys.unstarted,
        keys.eventLog,
        keys.usageNow,
        keys.outbox,
        keys.webhooks,
        keys.auditLog,
        keys.apiKey,
      ],
      [
        given.id,
        given.project,
        given.createdAtMs,
        given.resource,
        given.internal,
        given.memoryMiB,
        given.diskMiB,
        given.ttlSeconds,
        given.usageNames,
        given.historyEntry,
        given.dayPrefix,
        given.changesChannel,
        given.maxEvents,
        given.auditEntry,
        given.maxAuditEntries,
        given.projectUid,
        given.nextCheckAtMs,
        given.keyHash,
        ...given.defaultQuotas,
      ],
    ),
  );
}

interface ChangedSandbox {
  readonly keys: {
    readonly record: string;
    readonly project: string;
    readonly eventLog: string;
    readonly history: string;
    readonly usageNow: string;
    readonly outbox: string;
    readonly webhooks: string;
    readonly unstarted: string;
    readonly hostIndexBefore: string;
    readonly hostIndexAfter: string;
  };
  readonly id: string;
  readonly project: string;
  readonly expectedVersion: string;
  /** JSON, as are `internal`, `usageNames` and `historyEntry`. */
  readonly resource: string;
  readonly internal: string;
  /** Sealed; null to leave them as they are. */
  readonly credentials: string | null;
  /** Null to leave it as it is. */
  readonly awake: boolean | null;
  readonly usageNames: string;
  /** Null for none. */
  readonly historyEntry: string | null;
  readonly dayPrefix: string;
  readonly changesChannel: string;
  readonly maxEvents: number;
  /** Null once it has started. */
  readonly nextCheckAtMs: number | null;
  /** Null for none. */
  readonly hostBefore: string | null;
  readonly hostAfter: string | null;
}

/** scripts/update-sandbox.lua: false when somebody else has changed it. */
export async function updateSandbox(redis: Redis, { keys, ...given }: ChangedSandbox): Promise<boolean> {
  const updated = await redis.updateSandbox(
    ...scriptArguments(
      [
        keys.record,
        keys.project,
        keys.eventLog,
        keys.history,
        keys.usageNow,
        keys.outbox,
        keys.webhooks,
        keys.unstarted,
        keys.hostIndexBefore,
        keys.hostIndexAfter,
      ],
      [
        given.id,
        given.project,
        given.expectedVersion,
        given.resource,
        given.internal,
        given.credentials ?? '',
        given.awake === null ? '' : given.awake ? '1' : '0',
        given.usageNames,
        given.historyEntry ?? '',
        given.dayPrefix,
        given.changesChannel,
        given.maxEvents,
        given.nextCheckAtMs ?? '',
        given.hostBefore ?? '',
        given.hostAfter ?? '',
      ],
    ),
  );
  return updated === 1;
}

interface RemovedSandbox {
  readonly keys: {
    readonly record: string;
    readonly projectIndex: string;
    readonly hostIndex: string;
    readonly ports: string;
    readonly project: string;
    readonly eventLog: string;
    readonly history: string;
    readonly usageNow: string;
    readonly outbox: string;
    readonly webhooks: string;
    readonly unstarted: string;
  };
  readonly id: string;
  readonly project: string;
  /** JSON, as is `historyEntry`. */
  readonly resource: string;
  readonly historyEntry: string;
  readonly dayPrefix: string;
  readonly changesChannel: string;
  readonly maxEvents: number;
  readonly keepHistorySeconds: number;
}

/** scripts/remove-sandbox.lua */
export async function removeSandbox(redis: Redis, { keys, ...given }: RemovedSandbox): Promise<void> {
  await redis.removeSandbox(
    ...scriptArguments(
      [
        keys.record,
        keys.projectIndex,
        keys.hostIndex,
        keys.ports,
        keys.project,
        keys.eventLog,
        keys.history,
        keys.usageNow,
        keys.outbox,
        keys.webhooks,
        keys.unstarted,
      ],
      [
        given.id,
        given.project,
        given.resource,
        given.historyEntry,
        given.dayPrefix,
        given.changesChannel,
        given.maxEvents,
        given.keepHistorySeconds,
      ],
    ),
  );
}
