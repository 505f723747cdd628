import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { createSandboxQueues } from '../queue/sandbox-queues.ts';
import { redisKeys } from '../redis/keys.ts';
import { createSealer } from '../redis/seal.ts';
import { createDeletion } from '../sandbox/deletion.ts';
import { createHosts } from '../sandbox/hosts.ts';
import { createProjectRemoval } from '../sandbox/project-removal.ts';
import { createStore } from '../sandbox/store.ts';
import { quotaArguments } from '../tenancy/quotas.ts';

export type Stores = ReturnType<typeof createStores>;

/** What API and workers share of the store. */
export function createStores(given: {
  redis: Redis;
  /** For BullMQ; by default the same. */
  queueRedis?: Redis;
  config: Pick<Config, 'redisPrefix' | 'quotas' | 'eventLogLength'>;
  secretKey: Buffer;
  logger: Logger;
}) {
  const { redis, queueRedis = redis, config, secretKey, logger } = given;
  const keys = redisKeys(config.redisPrefix);
  const sealer = createSealer(secretKey);
  const quotaDefaults = quotaArguments(config.quotas);
  const store = createStore({ redis, keys, sealer, quotaDefaults, maxEvents: config.eventLogLength });
  const queues = createSandboxQueues({ redis: queueRedis, keys });
  const hosts = createHosts({ redis, keys });
  const deletion = createDeletion({ store, queues, hosts, logger });
  return {
    redis,
    keys,
    sealer,
    store,
    queues,
    deletion,
    hosts,
    removals: createProjectRemoval({ redis, keys, store, deletion }),
  };
}
