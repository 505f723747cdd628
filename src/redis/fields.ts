// The fields of what is stored in Redis, and what they mean. Hashes first, then streams.

/** The record of a sandbox, a hash. In Lua: scripts/include/record.lua. */
export const recordFields = {
  /** Its resourceVersion: every write compares and swaps on it. */
  version: 'v',
  /** The name of its project. */
  project: 'p',
  /** The resource as users see it, as JSON. */
  resource: 'r',
  /** What only workers need, as JSON: a SandboxRecord without its sandbox. */
  internal: 'i',
  /** The credentials, sealed. Absent until there are any. */
  credentials: 's',
  /** `1` while it counts as awake, else `0`. */
  awake: 'w',
  /** What it holds of the project's limits, in MiB; memory only while it is awake. */
  memoryMiB: 'm',
  diskMiB: 'd',
  /** The usage counters that it is in beside its project's, as a JSON list of labels. */
  usageNames: 'u',
  /** The uid of the project that it was made in. */
  projectUid: 'o',
  /** The history entry that says that it was created, as JSON, until its next change moves it into the history. */
  created: 'n',
} as const;

/**
 * A project, a hash. A limit that is absent is the service's; `-1` for maxTtlSeconds is no limit. The scripts that count
 * (scripts/include/{usage,quotas}.lua) name these fields too.
 */
export const projectFields = {
  version: 'v',
  name: 'name',
  /** Tells it from a later project of the same name. */
  uid: 'uid',
  /** `active` or `deleting`. */
  state: 'state',
  /** Epoch ms by the clock of Redis. */
  createdAt: 'createdAt',
  /** A limit of its own: sandboxes, awake, startsPerMinute, maxTtlSeconds, memoryMiB or diskMiB. */
  quota: (name: string) => `q:${name}`,
  /** What counts against the limit of that name: sandboxes, awake, memoryMiB or diskMiB. */
  used: (name: string) => `used:${name}`,
  /** Until when its starts per minute are used up (epoch ms), as the generic cell rate algorithm has it. */
  startsAt: 'startsAt',
  /** The usage counter of the whole project: `COUNT:SINCE:MS:PEAK`, as in scripts/include/usage.lua. */
  usage: 'usage',
} as const;

/** What was used on one day, a hash with two fields for each label; the label '' stands for the whole project. */
export const dayUsageFields = {
  /** Sandbox-milliseconds. */
  ms: (label: string) => `ms:${label}`,
  /** The most that there were at once. */
  peak: (label: string) => `peak:${label}`,
} as const;

/** An API key, a hash. Times are epoch ms. */
export interface ApiKeyHash {
  /** SHA-256 of the key, base64. Whoever has the store cannot use it. */
  readonly hash: string;
  /** The name and the uid of its project. */
  readonly project: string;
  readonly uid: string;
  readonly name: string;
  /** Divided by spaces. */
  readonly scopes: string;
  readonly createdAt: string;
  /** Absent when it does not expire. */
  readonly expiresAt?: string;
  /** When it was last used, to the minute. */
  readonly usedAt?: string;
  /** Absent unless it was revoked. */
  readonly revokedAt?: string;
}

/** A webhook, a hash. */
export const webhookFields = {
  /** Its resourceVersion: every write compares and swaps on it. */
  version: 'v',
  /** The resource as users see it, as JSON, without its version and last success. */
  resource: 'r',
  /** Its secrets, sealed, the newest first. */
  secrets: 's',
  /** Its last success (epoch ms). Absent until there is one. */
  lastSuccessAt: 'ok',
  /** Its slots: how many deliveries it may have under way at the same time. Absent, until the first try has ended: one. */
  slots: 'n',
  /** Since when it is there (epoch ms), by the clock of Redis, which gives events their time. */
  since: 't',
} as const;

/** A request with an Idempotency-Key, a hash. In Lua: scripts/include/idempotency.lua. */
export const idempotencyFields = {
  /** The hash of its operation, path and body. */
  fingerprint: 'f',
  /** What ids are made from, the same for whoever takes the request over. */
  seed: 's',
  /** Who works on it. */
  owner: 'o',
  /** When that was last heard of (epoch ms); 0 when it has left the request to the next. */
  heardOfAt: 't',
  /** The sealed answer. Absent until it is done. */
  answer: 'a',
} as const;

/** An event of a project's event log, a stream. */
export const eventFields = {
  /** `added`, `modified` or `deleted`. */
  type: 't',
  sandboxId: 'i',
  /** The resource after the change, as JSON. */
  sandbox: 's',
  /** The usage names before the change where it changed them, as JSON, else ''. */
  labelsBefore: 'b',
} as const;

/**
 * An entry in the history of a sandbox, a list: its id and the HistoryNote as JSON. The last entry of a deleted one is the
 * word `last`, the id of its last event in the event log, and its last resource as JSON.
 */
export const historyRow = { note: /^(\d+-\d+) (.*)$/s, last: /^last (\S+) (.*)$/s } as const;

/**
 * An event in the outbox of webhooks, a stream: a change of a sandbox has `change` (its history entry, as JSON) and
 * `sandbox` (the resource, as JSON), an event of the service's own has `event` (its name) and `data` (JSON).
 */
export const outboxFields = { project: 'p', change: 'j', sandbox: 's', event: 'e', data: 'd' } as const;

/** An entry of an audit log, a stream: an AuditNote as JSON. */
export const auditFields = { note: 'j' } as const;
