import type { Redis } from 'ioredis';
import { claimTurn, enqueueTurn, grantTurns } from '../redis/calls/lanes.ts';
import type { LaneKind, RedisKeys } from '../redis/keys.ts';

export type Lanes = ReturnType<typeof createLanes>;

/**
 * Work of a host in turns by project: first come first served within one, one after the other among them, so many at a
 * time in all. BullMQ has groups only against payment; these are them.
 */
export function createLanes({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  const keysOf = (host: string, kind: LaneKind) => ({
    turns: keys.turns(host, kind),
    inFlight: keys.inFlight(host, kind),
    waiting: keys.hostWaiting(host),
    hostIndex: keys.hostIndex(host),
  });

  return {
    /** Asks for a turn, and calls the host's dispatcher. */
    async enqueue(host: string, kind: LaneKind, project: string, id: string): Promise<void> {
      await enqueueTurn(redis, {
        keys: { turns: keys.turns(host, kind), lane: keys.lane(host, kind, project) },
        project,
        id,
        dispatcherChannel: keys.laneCalls(host),
      });
    },
    /** The ids whose turn it is now. Each holds one of `limit` places until it is released. */
    async grant(host: string, kind: LaneKind, limit: number): Promise<string[]> {
      return await grantTurns(redis, { keys: keysOf(host, kind), lanePrefix: keys.lane(host, kind, ''), limit });
    },
    /** Asks for a place for `id`. It has one when it is among the ids returned; the others have got theirs with it. */
    async claim(host: string, kind: LaneKind, limit: number, project: string, id: string): Promise<string[]> {
      return await claimTurn(redis, {
        keys: { ...keysOf(host, kind), lane: keys.lane(host, kind, project) },
        lanePrefix: keys.lane(host, kind, ''),
        limit,
        project,
        id,
        dispatcherChannel: keys.laneCalls(host),
      });
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
