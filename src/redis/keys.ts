/** Work of a host that is taken up in turns: starts take seconds of CPU, changes are everything else. */
export type LaneKind = 'starts' | 'changes';

/** Every Redis key, in one place. The braces keep all keys in one slot of a Redis Cluster. */
export function redisKeys(prefix: string) {
  const base = `{${prefix}}`;
  const project = (name: string) => `${base}:project:${name}`;
  const host = (name: string) => `${base}:host:${name}`;
  return {
    base,
    sandbox: (id: string) => `${base}:sandbox:${id}`,

    projects: `${base}:projects`,
    projectsDeleting: `${base}:projects-deleting`,
    /** The project's record. All that is the project's own has this as its beginning. */
    project,
    projectIndex: (name: string) => `${project(name)}:sandboxes`,
    feed: (name: string) => `${project(name)}:feed`,
    history: (name: string, sandboxId: string) => `${project(name)}:history:${sandboxId}`,
    usageNow: (name: string) => `${project(name)}:usage-now`,
    usageOfDay: (name: string, day: number | string) => `${project(name)}:usage:${day}`,
    apiKeys: (name: string) => `${project(name)}:keys`,
    revokedKeys: (name: string) => `${project(name)}:revoked-keys`,
    webhooks: (name: string) => `${project(name)}:webhooks`,
    webhook: (name: string, id: string) => `${project(name)}:webhook:${id}`,
    deliveries: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:deliveries`,
    /** Those that are still tried, by their age; with them the ones that are done, by when they were, are all. */
    deliveriesPending: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:pending`,
    deliveriesDone: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:done`,
    /** Those that wait for another of their receiver to end, by their age. */
    deliveriesParked: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:parked`,
    /** The receivers that have any, by when they last had a turn. */
    receiversParked: (name: string) => `${project(name)}:receivers-parked`,
    delivery: (name: string, id: string) => `${project(name)}:delivery:${id}`,
    idempotency: (name: string, key: string) => `${project(name)}:idempotency:${key}`,
    /** All of a project's, by when they began. */
    idempotencyKeys: (name: string) => `${project(name)}:idempotency-keys`,

    apiKey: (id: string) => `${base}:key:${id}`,
    /** By the project's uid: it outlives the project, and a later one of the same name does not inherit it. */
    audit: (uid: string) => `${base}:audit:${uid}`,
    outbox: `${base}:outbox`,
    outboxParked: `${base}:outbox-parked`,
    /** A project's events that wait for its turn; not of the project's own keys, for they may tell of its end. */
    eventLine: (name: string) => `${base}:event-line:${name}`,
    /** Projects that have any, by when their turn may come (ms). */
    eventTurns: `${base}:event-turns`,
    deliveriesDue: `${base}:deliveries-due`,

    hosts: `${base}:hosts`,
    serviceIds: `${base}:service-ids`,
    /** Sandboxes of a host whose turn has come once. */
    hostIndex: (name: string) => `${host(name)}:sandboxes`,
    /** Those that wait for their first turn, by when they need a look all the same (ms; never is after all times). */
    hostWaiting: (name: string) => `${host(name)}:waiting`,
    ports: (name: string) => `${host(name)}:ports`,
    hostLease: (name: string) => `${host(name)}:lease`,
    /** Projects that have work waiting, by whose turn it is. */
    turns: (name: string, kind: LaneKind) => `${host(name)}:${kind}:turns`,
    /** A project's waiting sandboxes. */
    lane: (name: string, kind: LaneKind, projectName: string) => `${host(name)}:${kind}:lane:${projectName}`,
    inFlight: (name: string, kind: LaneKind) => `${host(name)}:${kind}:in-flight`,
    laneCalls: (name: string) => `${host(name)}:lane-calls`,
    logRequests: (name: string) => `${host(name)}:log-requests`,

    changes: `${base}:changes`,
    logReplies: (requestId: string) => `${base}:log-replies:${requestId}`,
  };
}
export type RedisKeys = ReturnType<typeof redisKeys>;
