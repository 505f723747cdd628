import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

/** scripts/enqueue-turn.lua */
export async function enqueueTurn(
  redis: Redis,
  given: { keys: { turns: string; lane: string }; project: string; id: string; dispatcherChannel: string },
): Promise<void> {
  const { keys, project, id, dispatcherChannel } = given;
  await redis.enqueueTurn(...scriptArguments([keys.turns, keys.lane], [project, id, dispatcherChannel]));
}

interface HostKeys {
  readonly turns: string;
  readonly inFlight: string;
  readonly waiting: string;
  readonly hostIndex: string;
}

/** scripts/grant-turns.lua: the ids of those that got a slot. */
export async function grantTurns(
  redis: Redis,
  { keys, lanePrefix, limit }: { keys: HostKeys; lanePrefix: string; limit: number },
): Promise<string[]> {
  const { turns, inFlight, waiting, hostIndex } = keys;
  return await redis.grantTurns(...scriptArguments([turns, inFlight, waiting, hostIndex], [lanePrefix, limit]));
}

/** scripts/claim-turn.lua: the ids of those that got a slot. */
export async function claimTurn(
  redis: Redis,
  given: {
    keys: HostKeys & { lane: string };
    lanePrefix: string;
    limit: number;
    project: string;
    id: string;
    dispatcherChannel: string;
  },
): Promise<string[]> {
  const { keys, lanePrefix, limit, project, id, dispatcherChannel } = given;
  return await redis.claimTurn(
    ...scriptArguments(
      [keys.turns, keys.inFlight, keys.waiting, keys.hostIndex, keys.lane],
      [lanePrefix, limit, project, id, dispatcherChannel],
    ),
  );
}
