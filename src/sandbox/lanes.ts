import type { Redis } from 'ioredis';
import type { LaneKind, RedisKeys } from '../redis/keys.ts';

export type Lanes = ReturnType<typeof createLanes>;

/**
 * Work of a host in turns by project: first come first served within one, one after the other among them, so many at a
 * time in all. BullMQ has groups only against payment; these are them.
 */
export function createLanes({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  const placeOf = (host: string, kind: LaneKind) =>
    [keys.turns(host, kind), keys.inFlight(host, kind), keys.hostWaiting(host), keys.hostIndex(host)] as const;

  return {
    /** Asks for a turn, and calls the host's dispatcher. */
    async enqueue(host: string, kind: LaneKind, project: string, id: string): Promise<void> {
      const [turns, lane] = [keys.turns(host, kind), keys.lane(host, kind, project)];
      await redis.spEnqueue(turns, lane, project, id, keys.laneCalls(host));
    },
    /** The ids whose turn it is now. Each holds one of `limit` places until it is released. */
    async grant(host: string, kind: LaneKind, limit: number): Promise<string[]> {
      return await redis.spGrant(...placeOf(host, kind), keys.lane(host, kind, ''), String(limit));
    },
    /** Asks for a place for `id`. It has one when it is among the ids returned; the others have got theirs with it. */
    async claim(host: string, kind: LaneKind, limit: number, project: string, id: string): Promise<string[]> {
      return await redis.spClaim(
        ...placeOf(host, kind),
        keys.lane(host, kind, project),
        keys.lane(host, kind, ''),
        String(limit),
        project,
        id,
        keys.laneCalls(host),
      );
    },
    async release(host: string, kind: LaneKind, id: string): Promise<void> {
      await redis.hdel(keys.inFlight(host, kind), id);
    },
    /** All that hold a place: after a crash, some may do nothing with it any more. */
    async holders(host: string, kind: LaneKind): Promise<string[]> {
      return await redis.hkeys(keys.inFlight(host, kind));
    },
  };
}
