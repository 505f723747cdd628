import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Runtime } from '../runtime/driver.ts';
import type { Store } from '../sandbox/store.ts';
import type { KnownSandboxes, Runtimes } from './runtimes.ts';

interface Fit {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly host: string;
}

/**
 * Checks that this Redis belongs to the data folder. Another Redis has no records of the sandboxes that run here, and the
 * sweep would remove them all as orphans. A runtime that is away is checked when it is back. Throws `config_invalid`.
 */
export async function checkRecordsFit(given: Fit & { id: string; runtimes: Runtimes }): Promise<void> {
  const { redis, keys, host, id, runtimes } = given;
  const known = await redis.hget(keys.serviceIds, host);
  if (known !== id) {
    let count = 0;
    for (const [name, { runtime, presence }] of runtimes) {
      if (presence?.away()) await redis.sadd(keys.unseenRuntimes(host), name);
      else count += (await runtime.observe()).length;
    }
    if (count > 0) throw new AppError('config_invalid', notFitting(host, count));
  }
  await redis.hset(keys.serviceIds, host, id);
}

/** What the records of a host know of what runs there. */
export function knownSandboxes(given: Fit & { store: Store }): KnownSandboxes {
  const { redis, keys, host, store } = given;
  return {
    async hasSandboxes(runtime) {
      for await (const ids of store.idsOfHost(host)) {
        for (const id of ids) if ((await store.get(id))?.record.sandbox.status.runtime === runtime) return true;
      }
      return false;
    },
    async refuse(name, runtime: Runtime) {
      if (!(await redis.sismember(keys.unseenRuntimes(host), name))) return null;
      const count = (await runtime.observe()).length;
      if (count > 0) return notFitting(host, count);
      await redis.srem(keys.unseenRuntimes(host), name);
      return null;
    },
  };
}

const notFitting = (host: string, count: number) =>
  `This Redis knows nothing of the ${count} sandboxes on ${host}. Set REDIS_URL to the one that does, or remove them: npm run stop-all`;
