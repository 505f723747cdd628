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

/** scripts/queue-events.lua */
export async function queueEvents(
  redis: Redis,
  given: {
    keys: { outbox: string; projects: string };
    group: string;
    queuePrefix: string;
    events: readonly OutboxEvent[];
  },
): Promise<void> {
  const { keys, group, queuePrefix, events } = given;
  const rows = events.flatMap(({ id, project, atMs, kept }) => [id, project, atMs, kept]);
  await redis.queueEvents(...scriptArguments([keys.outbox, keys.projects], [group, queuePrefix, ...rows]));
}

/** scripts/take-events.lua: of each project its name and its oldest events. */
export async function takeEvents(
  redis: Redis,
  given: { keys: { projects: string }; queuePrefix: string; maxProjects: number; maxEvents: number; takeMs: number },
) {
  const { keys, queuePrefix, maxProjects, maxEvents, takeMs } = given;
  return await redis.takeEvents(...scriptArguments([keys.projects], [queuePrefix, maxProjects, maxEvents, takeMs]));
}

/** scripts/finish-events.lua */
export async function finishEvents(
  redis: Redis,
  { keys, project, done }: { keys: { projects: string; queue: string }; project: string; done: readonly string[] },
): Promise<void> {
  await redis.finishEvents(...scriptArguments([keys.projects, keys.queue], [project, ...done]));
}
