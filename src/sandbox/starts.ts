import type { Redis } from 'ioredis';
import type { RedisKeys } from './keys.ts';

export type Starts = ReturnType<typeof createStarts>;

/** The queue of starts on a host: at most `slots` at a time, first come first served. A start is seconds of CPU. */
export function createStarts({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  return {
    /** True when `id` holds a start slot now; otherwise it is queued. */
    async claim(host: string, id: string, slots: number): Promise<boolean> {
      const now = String(Date.now());
      return (await redis.spClaimStart(keys.waiting(host), keys.starting(host), id, String(slots), now)) === 1;
    },
    /** Gives the slot or the place in the queue back. Returns those whose turn it is now. */
    async release(host: string, id: string, slots: number): Promise<string[]> {
      return await redis.spReleaseStart(keys.waiting(host), keys.starting(host), id, String(slots));
    },
    /** All that hold a slot: after a crash, some may have no record any more. */
    async holders(host: string): Promise<string[]> {
      return await redis.smembers(keys.starting(host));
    },
    /** Places in the queue, 1 is next; null for those that are not queued. */
    async positions(sandboxes: readonly { id: string; host: string }[]): Promise<(number | null)[]> {
      if (sandboxes.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const { id, host } of sandboxes) pipeline.zrank(keys.waiting(host), id);
      const rows = (await pipeline.exec()) ?? [];
      return rows.map(([error, rank]) => {
        if (error) throw error;
        return rank === null ? null : Number(rank) + 1;
      });
    },
  };
}
