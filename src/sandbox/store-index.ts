import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { storeTimeMs } from '../redis/clock.ts';
import { recordFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type IndexPage, type IndexPosition, readIndex } from '../resources/paging.ts';

const idsAtOnce = 500;
/** Tens of thousands may wait, and their check is in no hurry: between pages, Redis is left to others. */
const unstartedAtOnce = 100;
const pauseMs = 10;

/** How workers find the sandboxes that they have to check, and whose they are. */
export function createIndexes({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  return {
    /** The project of a sandbox; null when there is no such sandbox. */
    async projectOf(id: string): Promise<string | null> {
      return await redis.hget(keys.sandbox(id), recordFields.project);
    },
    /** The uid of the project that it was made in. */
    async projectUid(id: string): Promise<string | null> {
      return await redis.hget(keys.sandbox(id), recordFields.projectUid);
    },
    /** The ids of the sandboxes that a host has taken, in pages. */
    async *idsOfHost(host: string): AsyncGenerator<string[]> {
      for (let start = 0; ; start += idsAtOnce) {
        const ids = await redis.zrange(keys.hostIndex(host), String(start), String(start + idsAtOnce - 1));
        if (ids.length > 0) yield ids;
        if (ids.length < idsAtOnce) return;
      }
    },
    /** The ids of those of a runtime that have not started yet and need a check now: they are to be deleted, or have expired. */
    async dueUnstarted(runtime: string): Promise<string[]> {
      const index = keys.unstarted(runtime);
      const now = String(await storeTimeMs(redis));
      return await redis.zrange(index, '-inf', now, 'BYSCORE', 'LIMIT', '0', String(idsAtOnce));
    },
    /** The ids of all of a runtime that have not started yet, in pages. */
    async *idsUnstarted(runtime: string): AsyncGenerator<string[]> {
      let position: IndexPosition | null = null;
      do {
        if (position) await delay(pauseMs);
        const { members, next }: IndexPage = await readIndex(redis, keys.unstarted(runtime), unstartedAtOnce, position);
        if (members.length > 0) yield members;
        position = next;
      } while (position);
    },
  };
}
