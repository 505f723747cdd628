import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

interface OutboxEvent {
  /** In the outbox. */
  readonly id: string;
  readonly project: string;
  readonly atMs: number;
  /** What is kept of it. */
  readonly kept: string;
}

/** scripts/set-events-aside.lua */
export async function setEventsAside(
  redis: Redis,
  given: {
    keys: { outbox: string; turns: string };
    group: string;
    linePrefix: string;
    events: readonly OutboxEvent[];
  },
): Promise<void> {
  const { keys, group, linePrefix, events } = given;
  const rows = events.flatMap(({ id, project, atMs, kept }) => [id, project, atMs, kept]);
  await redis.setEventsAside(...scriptArguments([keys.outbox, keys.turns], [group, linePrefix, ...rows]));
}

/** scripts/take-event-turns.lua: of each project its name and its oldest events. */
export async function takeEventTurns(
  redis: Redis,
  given: { keys: { turns: string }; linePrefix: string; maxProjects: number; maxEvents: number; turnMs: number },
) {
  const { keys, linePrefix, maxProjects, maxEvents, turnMs } = given;
  return await redis.takeEventTurns(...scriptArguments([keys.turns], [linePrefix, maxProjects, maxEvents, turnMs]));
}

/** scripts/end-event-turn.lua */
export async function endEventTurn(
  redis: Redis,
  { keys, project, done }: { keys: { turns: string; line: string }; project: string; done: readonly string[] },
): Promise<void> {
  await redis.endEventTurn(...scriptArguments([keys.turns, keys.line], [project, ...done]));
}
