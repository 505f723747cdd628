import type { Redis } from 'ioredis';
import pTimeout from 'p-timeout';

/** Whether Redis answers within `timeoutMs`. Also for connections whose commands wait until it is back. */
export async function redisAnswers(redis: Redis, timeoutMs: number): Promise<boolean> {
  if (redis.status !== 'ready') return false;
  const answered = redis.ping().then(
    () => true,
    () => false,
  );
  return await pTimeout(answered, { milliseconds: timeoutMs, fallback: () => false });
}
