import type { Redis } from 'ioredis';
import { redisKeys } from '../../src/redis/keys.ts';
import { workerName } from '../service.ts';
import { add, type Counts, kindOf } from './counts.ts';

/**
 * Kept on purpose, within bounds: the history of the deleted (a day, the last 5,000 of a project), the changes of a project
 * that a watch can go back to (5,000), the audit log, usage by day, and the events of BullMQ (100 of each queue).
 */
const kept = /:history:|:deleted$|:feed$|:audit:|:usage:|:events$/;

const sizes: Readonly<Record<string, (redis: Redis, key: string) => Promise<number>>> = {
  hash: (redis, key) => redis.hlen(key),
  list: (redis, key) => redis.llen(key),
  set: (redis, key) => redis.scard(key),
  stream: (redis, key) => redis.xlen(key),
  zset: (redis, key) => redis.zcard(key),
};

export interface RedisState {
  /** But for what is kept on purpose. */
  readonly keys: Counts;
  readonly members: Counts;
  readonly leasedPorts: Counts;
  readonly usedMb: number;
  readonly keptMb: number;
}

export async function readRedis(redis: Redis): Promise<RedisState> {
  const [keys, members] = [new Map<string, number>(), new Map<string, number>()];
  let keptBytes = 0;
  const readKey = async (key: string) => {
    if (kept.test(key)) {
      const bytes = Number(await redis.memory('USAGE', key, 'SAMPLES', 0));
      keptBytes += bytes;
      return;
    }
    const type = await redis.type(key);
    // It has gone meanwhile.
    if (type === 'none') return;
    add(keys, kindOf(key), 1);
    add(members, kindOf(key), (await sizes[type]?.(redis, key)) ?? 1);
  };
  await Promise.all((await redis.keys('*')).map(readKey));
  const ports = await redis.hlen(redisKeys('sandplane').ports(workerName));
  const used = /^used_memory:(\d+)/m.exec(await redis.info('memory'));
  return {
    keys,
    members,
    leasedPorts: new Map([['port', ports]]),
    usedMb: Number(used?.[1]) / 1e6,
    keptMb: keptBytes / 1e6,
  };
}
