import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { idempotencyFields } from '../../src/redis/fields.ts';

/** The Redis key under which the answer to a request with this Idempotency-Key is stored. */
export function entryOf(key: string, project: string): string {
  return `{sandplane}:project:${project}:idempotency:${createHash('sha256').update(key).digest('hex')}`;
}

/** Makes it as if the process that did the work had died before it stored the answer. */
export async function loseAnswer(redis: Redis, key: string, project: string): Promise<void> {
  const entry = entryOf(key, project);
  await redis.hdel(entry, idempotencyFields.answer);
  await redis.hset(entry, idempotencyFields.heardOfAt, '1');
}
