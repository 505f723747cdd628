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
    /** Stored as `feed`, its earlier name. */
    eventLog: (name: string) => `${project(name)}:feed`,
    history: (name: string, sandboxId: string) => `${project(name)}:history:${sandboxId}`,
    /** The deleted sandboxes whose history is kept, by when they were deleted (ms). */
    deleted: (name: string) => `${project(name)}:deleted`,
    usageNow: (name: string) => `${project(name)}:usage-now`,
    usageOfDay: (name: string, day: number | string) => `${project(name)}:usage:${day}`,
    apiKeys: (name: string) => `${project(name)}:keys`,
    revokedKeys: (name: string) => `${project(name)}:revoked-keys`,
    ...webhookKeys(project),
    idempotency: (name: string, key: string) => `${project(name)}:idempotency:${key}`,
    /** All of a project's, by when they began. */
    idempotencyKeys: (name: string) => `${project(name)}:idempotency-keys`,

    apiKey: (id: string) => `${base}:key:${id}`,
    /** By the project's uid: it outlives the project, and a later one of the same name does not inherit it. */
    audit: (uid: string) => `${base}:audit:${uid}`,
    outbox: `${base}:outbox`,
    /** Events that could not be handled, as they were in the outbox. */
    eventsFailed: `${base}:events-failed`,
    /** A project's events that wait; not of the project's own keys, for they may tell of its end. */
    eventQueue: (name: string) => `${base}:event-queue:${name}`,
    /** Projects that have any, by when they may be taken (ms). */
    projectsWithEvents: `${base}:projects-with-events`,
    /** Receivers that have pending deliveries, by when the first is due (ms). */
    receiversDue: `${base}:receivers-due`,

    /** What workers report of their hosts: when, in epoch ms by the clock of Redis, and what, as JSON. */
    hosts: `${base}:host-reports`,
    serviceIds: `${base}:service-ids`,
    /** The runtimes of a host that have not answered since this Redis was first used: nobody knows what they run. */
    unseenRuntimes: (name: string) => `${host(name)}:unseen-runtimes`,
    /** The sandboxes that a host has taken. */
    hostIndex: (name: string) => `${host(name)}:sandboxes`,
    /** Those of a runtime that no host has taken, or that are not ready yet, by when they need a check all the same (ms). */
    unstarted: (runtime: string) => `${base}:unstarted:${runtime}`,
    /** The priorities that were given out for a queue: the last one of each project, and of the job taken last. */
    fairness: (queue: string) => `${base}:fairness:${queue}`,
    ports: (name: string) => `${host(name)}:ports`,
    hostLease: (name: string) => `${host(name)}:lease`,
    logRequests: (name: string) => `${host(name)}:log-requests`,

    changes: `${base}:changes`,
    logReplies: (requestId: string) => `${base}:log-replies:${requestId}`,
  };
}
export type RedisKeys = ReturnType<typeof redisKeys>;

/** Those of the webhooks of a project, which `project` gives the beginning of. */
function webhookKeys(project: (name: string) => string) {
  return {
    webhooks: (name: string) => `${project(name)}:webhooks`,
    webhook: (name: string, id: string) => `${project(name)}:webhook:${id}`,
    deliveries: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:deliveries`,
    /** The pending ones that are due, by when they were created. */
    deliveriesReady: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:ready`,
    /** The pending ones that are not ready or are claimed, by when they are due. */
    deliveriesLater: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:later`,
    /** Those that a worker has claimed, by when its claim ends. */
    deliveriesUnderWay: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:under-way`,
    /** By when they were done. */
    deliveriesDone: (name: string, webhookId: string) => `${project(name)}:webhook:${webhookId}:done`,
    delivery: (name: string, id: string) => `${project(name)}:delivery:${id}`,
  };
}
