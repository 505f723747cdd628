import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Runtimes } from './runtimes.ts';

/**
 * Checks that this Redis belongs to the data folder. Another Redis has no records of the sandboxes that run here, and the
 * sweep would remove them all as orphans. Throws `config_invalid`.
 */
export async function checkRecordsFit(given: {
  redis: Redis;
  keys: RedisKeys;
  host: string;
  /** Of the data folder. */
  id: string;
  runtimes: Runtimes;
}): Promise<void> {
  const { redis, keys, host, id, runtimes } = given;
  const known = await redis.hget(keys.serviceIds, host);
  if (known !== id) {
    const running = await Promise.all([...runtimes.values()].map(({ runtime }) => runtime.observe()));
    const count = running.flat().length;
    if (count > 0) {
      const detail = `This Redis knows nothing of the ${count} sandboxes on ${host}. Set REDIS_URL to the one that does, or remove them: npm run stop-all`;
      throw new AppError('config_invalid', detail);
    }
  }
  await redis.hset(keys.serviceIds, host, id);
}
