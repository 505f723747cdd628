import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findProcesses } from '../../src/runtime/process-identity.ts';
import type { TestService } from './service.ts';

/** Whose Redis and data folder are looked at. */
type Place = Pick<TestService, 'config' | 'redisSocket'>;

/** Everything on this host that still has the id in it: processes, files, Redis keys and port leases. */
export async function leftovers({ config, redisSocket }: Place, id: string): Promise<string[]> {
  const processes = (await findProcesses(id)).filter(({ pid }) => pid !== process.pid);
  // Before the first sandbox there is no folder.
  const files = await readdir(path.join(config.dataDir, 'sandboxes')).catch(() => []);
  return [
    ...processes.map(({ commandLine }) => `process ${commandLine.slice(0, 80)}`),
    ...files.filter((name) => name.includes(id)).map((name) => `file ${name}`),
    ...(await inRedis(redisSocket, id)),
  ];
}

/**
 * What is left of a deleted sandbox after up to five seconds: some of it is removed just after its deletion is told.
 */
export async function lastingLeftovers(service: Place, id: string): Promise<string[]> {
  return await lasting(() => leftovers(service, id));
}

/** The same of Redis alone, where sandboxes are in the memory of workers. */
export async function lastingInRedis(socket: string, id: string): Promise<string[]> {
  return await lasting(() => inRedis(socket, id));
}

async function lasting(look: () => Promise<string[]>): Promise<string[]> {
  for (let tries = 1; ; tries += 1) {
    const left = await look();
    if (left.length === 0 || tries === 50) return left;
    await delay(100);
  }
}

/** Answers to Idempotency-Keys and the list of the histories are kept for a day; what they name need not exist. */
const namesOfGone = /:idempotency:|:deleted$/;

async function inRedis(socket: string, id: string): Promise<string[]> {
  const redis = new Redis(socket);
  try {
    const found: string[] = [];
    for (const key of await redis.keys('*')) {
      // The history is kept for a day.
      if (key.includes(id) && !key.includes(':history:')) found.push(`key ${key}`);
      const type = await redis.type(key);
      const members =
        type === 'hash'
          ? Object.entries(await redis.hgetall(key)).flat()
          : type === 'zset'
            ? await redis.zrange(key, '0', '-1')
            : type === 'set'
              ? await redis.smembers(key)
              : [];
      if (!namesOfGone.test(key) && members.some((member) => member.includes(id))) found.push(`in key ${key}`);
    }
    return found;
  } finally {
    redis.disconnect();
  }
}
