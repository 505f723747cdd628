import type { Redis } from 'ioredis';
import { endEventTurn, setEventsAside, takeEventTurns } from '../redis/calls/event-turns.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type Entry, projectOf, timeMsOf } from './event.ts';

const projectsAtOnce = 8;
const eventsOfATurn = 10;
/** A turn that was cut off is taken again after this long. */
const turnMs = 30_000;
const keepPutAside = 1000;

export interface Turn {
  readonly project: string;
  readonly entries: readonly Entry[];
}

export type Turns = ReturnType<typeof createTurns>;

/**
 * The lines in which events wait, one of each project, so that however many one has, the next of another waits for few of
 * them. An event leaves the outbox by the write that puts it into its line, and its line once it is done.
 */
export function createTurns({ redis, keys, group }: { redis: Redis; keys: RedisKeys; group: string }) {
  return {
    /** From the outbox into the lines. */
    async setAside(entries: readonly Entry[]): Promise<void> {
      if (entries.length === 0) return;
      await setEventsAside(redis, {
        keys: { outbox: keys.outbox, turns: keys.eventTurns },
        group,
        linePrefix: keys.eventLine(''),
        events: entries.map((entry) => ({
          id: entry[0],
          project: projectOf(entry),
          atMs: timeMsOf(entry),
          kept: JSON.stringify(entry),
        })),
      });
    },
    /** The oldest events of some projects, which are nobody else's for a while. None: nothing waits. */
    async take(): Promise<Turn[]> {
      const taken = await takeEventTurns(redis, {
        keys: { turns: keys.eventTurns },
        linePrefix: keys.eventLine(''),
        maxProjects: projectsAtOnce,
        maxEvents: eventsOfATurn,
        turnMs,
      });
      return taken.map(([project, entries]) => ({
        project,
        entries: entries.map((text) => JSON.parse(text) as Entry),
      }));
    },
    /** `done` are over; the others come again with the project's next turn. */
    async end(project: string, done: readonly Entry[]): Promise<void> {
      await endEventTurn(redis, {
        keys: { turns: keys.eventTurns, line: keys.eventLine(project) },
        project,
        done: done.map((entry) => JSON.stringify(entry)),
      });
    },
    /** Keeps one that cannot be handled where somebody can look at it. */
    async putAside([, fields]: Entry): Promise<void> {
      await redis.xadd(keys.outboxParked, 'MAXLEN', '~', keepPutAside, '*', ...Object.entries(fields).flat());
    },
  };
}
