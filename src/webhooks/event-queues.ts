import type { Redis } from 'ioredis';
import { finishEvents, queueEvents, takeEvents } from '../redis/calls/events.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type Entry, projectOf, timeMsOf } from './event.ts';

const projectsAtOnce = 8;
const eventsOfAProject = 10;
/** Events whose worker has not finished them after this long are taken by another. */
const takeMs = 30_000;
const keepFailed = 1000;

/** The oldest events of a project. */
export interface ProjectEvents {
  readonly project: string;
  readonly entries: readonly Entry[];
}

export type EventQueues = ReturnType<typeof createEventQueues>;

/**
 * A fair queue of events: each project has a queue of its own, of which a few events are taken at a time. So the next event
 * of a project waits for few of another, however many that has. An event leaves the outbox by the same write that puts it
 * into its queue, and its queue once it is done.
 */
export function createEventQueues({ redis, keys, group }: { redis: Redis; keys: RedisKeys; group: string }) {
  return {
    /** Moves events from the outbox into the queues. */
    async add(entries: readonly Entry[]): Promise<void> {
      if (entries.length === 0) return;
      await queueEvents(redis, {
        keys: { outbox: keys.outbox, projects: keys.projectsWithEvents },
        group,
        queuePrefix: keys.eventQueue(''),
        events: entries.map((entry) => ({
          id: entry[0],
          project: projectOf(entry),
          atMs: timeMsOf(entry),
          kept: JSON.stringify(entry),
        })),
      });
    },
    /** The events of some projects, which no other worker gets for a while. None when nothing waits. */
    async take(): Promise<ProjectEvents[]> {
      const taken = await takeEvents(redis, {
        keys: { projects: keys.projectsWithEvents },
        queuePrefix: keys.eventQueue(''),
        maxProjects: projectsAtOnce,
        maxEvents: eventsOfAProject,
        takeMs,
      });
      return taken.map(([project, entries]) => ({
        project,
        entries: entries.map((text) => JSON.parse(text) as Entry),
      }));
    },
    /** `done` leave the queue; the others are taken again later. */
    async finish(project: string, done: readonly Entry[]): Promise<void> {
      await finishEvents(redis, {
        keys: { projects: keys.projectsWithEvents, queue: keys.eventQueue(project) },
        project,
        done: done.map((entry) => JSON.stringify(entry)),
      });
    },
    /** Keeps an event that cannot be handled where somebody can look at it. */
    async keepFailed([, fields]: Entry): Promise<void> {
      await redis.xadd(keys.eventsFailed, 'MAXLEN', '~', keepFailed, '*', ...Object.entries(fields).flat());
    },
  };
}
