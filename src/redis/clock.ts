import type { Redis } from 'ioredis';

/** Now by the clock of the store, in epoch ms: those of hosts may differ. */
export async function storeTimeMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
