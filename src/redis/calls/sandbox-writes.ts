import { asIs, flag, nothing, number, orEmpty, scriptCall, text } from '../script-call.ts';

/** What the script returns when the project has reached a limit. */
type QuotaReply = [outcome: 'quota', limit: string, value: number, used: number, retryAfterMs: number];

/** `resource`, `internal`, `usageNames`, `historyEntry` and `auditEntry` are JSON. */
export const createSandbox = scriptCall('createSandbox', {
  keys: {
    record: text,
    project: text,
    projectIndex: text,
    unstarted: text,
    eventLog: text,
    usageNow: text,
    outbox: text,
    webhooks: text,
    auditLog: text,
    apiKey: text,
    fairness: text,
  },
  arguments: {
    id: text,
    project: text,
    createdAtMs: number,
    resource: text,
    internal: text,
    memoryMiB: number,
    diskMiB: number,
    /** -1 for no end. */
    ttlSeconds: number,
    usageNames: text,
    historyEntry: text,
    dayPrefix: text,
    changesChannel: text,
    maxEvents: number,
    /** '' for none. */
    auditEntry: text,
    maxAuditEntries: number,
    /** '' for whichever. */
    projectUid: text,
    nextCheckAtMs: number,
    /** '' when no key has to be valid. */
    keyHash: text,
    lowestPriority: number,
    /**
     * The limits of a project that has no other: sandboxes, awake, startsPerMinute, maxTtlSeconds, memoryMiB,
     * diskMiB.
     */
    defaultQuotas: (limits: readonly number[]) => limits.map(String),
  },
  reply: asIs<
    ['created', priority: number] | ['exists', resource: string] | ['key_ended' | 'not_found' | 'deleting'] | QuotaReply
  >(),
});

/** `changed`: somebody else has changed it. `resource`, `internal`, `usageNames` and `historyEntry` are JSON. */
export const updateSandbox = scriptCall('updateSandbox', {
  keys: {
    record: text,
    project: text,
    eventLog: text,
    history: text,
    usageNow: text,
    outbox: text,
    webhooks: text,
    unstarted: text,
    hostIndexBefore: text,
    hostIndexAfter: text,
    portsBefore: text,
    portsAfter: text,
  },
  arguments: {
    id: text,
    project: text,
    expectedVersion: text,
    resource: text,
    internal: text,
    /** Sealed; null to leave them as they are. */
    credentials: orEmpty(text),
    /** Null to leave it as it is. */
    awake: orEmpty(flag),
    usageNames: text,
    /** Null for none. */
    historyEntry: orEmpty(text),
    dayPrefix: text,
    changesChannel: text,
    maxEvents: number,
    /** Null when it has started. */
    nextCheckAtMs: orEmpty(number),
    /** Null for none. */
    hostBefore: orEmpty(text),
    hostAfter: orEmpty(text),
    portBefore: orEmpty(number),
    portAfter: orEmpty(number),
  },
  reply: asIs<'written' | 'changed' | 'port_taken'>(),
});

/** `resource` and `historyEntry` are JSON. */
export const removeSandbox = scriptCall('removeSandbox', {
  keys: {
    record: text,
    projectIndex: text,
    hostIndex: text,
    ports: text,
    project: text,
    eventLog: text,
    history: text,
    usageNow: text,
    outbox: text,
    webhooks: text,
    unstarted: text,
    deleted: text,
  },
  arguments: {
    id: text,
    project: text,
    resource: text,
    historyEntry: text,
    dayPrefix: text,
    changesChannel: text,
    maxEvents: number,
    keepHistorySeconds: number,
    mostHistories: number,
    historyPrefix: text,
  },
  reply: nothing,
});
