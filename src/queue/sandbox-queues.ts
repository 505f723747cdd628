import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { nextPriority, noteTaken } from '../redis/calls/fairness.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { highPriority, lowestPriority } from './fair-priority.ts';
import { hostQueue, type JobKind, jobIdOf, type SandboxJob, startQueue } from './names.ts';
import { openQueue } from './open-queue.ts';

/** What a queue has to know of a sandbox: jobs are shared out fairly between projects. */
export interface Queued {
  readonly id: string;
  readonly project: string;
}

export type SandboxQueues = ReturnType<typeof createSandboxQueues>;

/** Adds jobs of sandboxes, takes them out again, and tells their positions. Adding a job that waits already changes nothing. */
export function createSandboxQueues({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  const opened = new Map<string, Queue<SandboxJob>>();

  function queueOf(name: string): Queue<SandboxJob> {
    const queue = opened.get(name) ?? openQueue<SandboxJob>(name, { redis, keys });
    opened.set(name, queue);
    return queue;
  }

  /** Whether the queue has the job, whatever its state. */
  async function hasJob(name: string, jobId: string): Promise<boolean> {
    return (await redis.exists(queueOf(name).toKey(jobId))) === 1;
  }

  /** `given`: the priority that the create script has drawn; such a job is new, so it is not looked for. */
  async function add(name: string, kind: JobKind, { id, project }: Queued, given: number | null = null): Promise<void> {
    const jobId = jobIdOf(kind, id);
    // A job that is there already takes no number from its project.
    if (given === null && (await hasJob(name, jobId))) return;
    const fairness = keys.fairness(name);
    const priority = given ?? (await nextPriority(redis, { keys: { fairness }, project, lowest: lowestPriority }));
    await queueOf(name).add('sandbox', { sandboxId: id }, { jobId, priority });
  }

  async function remove(name: string, id: string, ...kinds: readonly JobKind[]): Promise<void> {
    for (const kind of kinds) await queueOf(name).remove(jobIdOf(kind, id));
  }

  return {
    addStart: (runtime: string, sandbox: Queued, priority: number | null = null) =>
      add(startQueue(runtime), 'start', sandbox, priority),
    addRestart: (host: string, sandbox: Queued) => add(hostQueue(host), 'restart', sandbox),
    addDelete: (host: string, sandbox: Queued) => add(hostQueue(host), 'delete', sandbox),

    /** Takes a job out that no host has taken yet. */
    removeStart: (runtime: string, id: string) => remove(startQueue(runtime), id, 'start'),
    /** Takes out what waits for its host. */
    removeWork: (host: string, id: string) => remove(hostQueue(host), id, 'restart', 'delete'),

    startPositions: (runtime: string, ids: readonly string[]) =>
      startPositions(redis, queueOf(startQueue(runtime)), ids),

    /** Those of the ids that have no job in the queue, whatever its state. */
    async withoutStart(runtime: string, ids: readonly string[]): Promise<string[]> {
      const found = await Promise.all(ids.map((id) => hasJob(startQueue(runtime), jobIdOf('start', id))));
      return ids.filter((_id, i) => !found[i]);
    },

    /** To be called when a worker has taken a job of the queue: the priorities of later jobs follow from it. */
    async noteTaken(name: string, project: string, priority: number): Promise<void> {
      const waiting = await queueOf(name).getPrioritizedCount();
      const fairness = keys.fairness(name);
      await noteTaken(redis, { keys: { fairness }, project, priority, waiting, high: highPriority });
    },

    close: () => closeAll(opened.values()),
  };
}

/** The positions in the queue, from 1; null for what does not wait. BullMQ keeps jobs with a priority in a sorted set. */
async function startPositions(
  redis: Redis,
  queue: Queue<SandboxJob>,
  ids: readonly string[],
): Promise<(number | null)[]> {
  const waiting = queue.toKey('prioritized');
  const ranks = await Promise.all(ids.map((id) => redis.zrank(waiting, jobIdOf('start', id))));
  return ranks.map((rank) => (rank === null ? null : rank + 1));
}

async function closeAll(queues: Iterable<Queue<SandboxJob>>): Promise<void> {
  await Promise.all([...queues].map((queue) => queue.close()));
}
