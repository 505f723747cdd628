/** Every Redis key, in one place. The braces keep all keys in one slot of a Redis Cluster. */
export function redisKeys(prefix: string) {
  const base = `{${prefix}}`;
  return {
    base,
    sandbox: (id: string) => `${base}:sandbox:${id}`,
    projectIndex: (project: string) => `${base}:project:${project}:sandboxes`,
    hostIndex: (host: string) => `${base}:host:${host}:sandboxes`,
    ports: (host: string) => `${base}:host:${host}:ports`,
    waiting: (host: string) => `${base}:host:${host}:waiting`,
    starting: (host: string) => `${base}:host:${host}:starting`,
    hostLease: (host: string) => `${base}:host:${host}:lease`,
    hosts: `${base}:hosts`,
    serviceIds: `${base}:service-ids`,
    idempotency: (project: string, key: string) => `${base}:idempotency:${project}:${key}`,
    changes: `${base}:changes`,
    logRequests: (host: string) => `${base}:host:${host}:log-requests`,
    logReplies: (requestId: string) => `${base}:log-replies:${requestId}`,
  };
}
export type RedisKeys = ReturnType<typeof redisKeys>;
