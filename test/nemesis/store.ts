import type { Redis } from 'ioredis';
import { redisSocketIn } from '../../src/start/embedded-redis.ts';
import { withClient } from '../../src/start/redis-server.ts';
import type { Hit, Thing } from './machine.ts';

const id = /sb-[0-9a-z]{20}/g;
/**
 * History is kept for a day, with which sandboxes it is of, and so are answers to idempotency keys, which name no object that
 * exists; streams end by their length.
 */
const kept = /:(history|deleted|idempotency|idempotency-keys|feed|audit|outbox)(:|$)/;

/** Null when Redis is down or stands still, as faults have it. */
async function withRedis<Result>(dataDir: string, use: (redis: Redis) => Promise<Result>): Promise<Result | null> {
  return await withClient(redisSocketIn(dataDir), use).catch(() => null);
}

/** Every key that names a sandbox, or has a member that does. Null when Redis does not answer. */
export async function thingsInRedis(dataDir: string): Promise<Thing[] | null> {
  return await withRedis(dataDir, async (redis) => {
    const found: Thing[] = [];
    for (const key of await redis.keys('*')) {
      if (kept.test(key)) continue;
      // What belongs to a sandbox by its name names no other.
      const own = key.match(id);
      const ids = own ?? (await membersOf(redis, key)).flatMap((member) => member.match(id) ?? []);
      for (const sandboxId of new Set(ids)) found.push({ sandboxId, kind: 'Redis key', name: key });
    }
    return found;
  });
}

async function membersOf(redis: Redis, key: string): Promise<string[]> {
  const type = await redis.type(key);
  if (type === 'hash') return Object.entries(await redis.hgetall(key)).flat();
  if (type === 'zset') return await redis.zrange(key, '0', '-1');
  if (type === 'set') return await redis.smembers(key);
  if (type === 'list') return await redis.lrange(key, '0', '-1');
  return [];
}

/** All that BullMQ has of sandboxes, as if those keys had been lost. */
export async function flushQueues(dataDir: string): Promise<Hit | null> {
  return await withRedis(dataDir, async (redis) => {
    const all = [...(await redis.keys('{sandplane}:start-*')), ...(await redis.keys('{sandplane}:host-*'))];
    if (all.length > 0) await redis.unlink(...all);
    return all.length > 0 ? { what: `removed ${all.length} keys of the queues` } : null;
  });
}
