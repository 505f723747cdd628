import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { nextPriority, noteTaken } from '../redis/calls/fairness.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { highPriority, lowestPriority } from './fair-priority.ts';
import { hostQueue, jobIdOf, type SandboxJob, startQueue } from './names.ts';

/** A sandbox as far as a queue has to know it. */
export interface Queued {
  readonly id: string;
  readonly project: string;
}

export type SandboxQueues = ReturnType<typeof createSandboxQueues>;

/** Adds jobs of sandboxes, takes them out again, and tells their positions. Adding what waits already changes nothing. */
export function createSandboxQueues({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  const opened = new Map<string, Queue<SandboxJob>>();

  function queueOf(name: string): Queue<SandboxJob> {
    const known = opened.get(name);
    if (known) return known;
    const queue = new Queue<SandboxJob>(name, {
      connection: redis,
      prefix: keys.base,
      skipVersionCheck: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    // Nothing to do here: each add that fails rejects by itself.
    queue.on('error', () => undefined);
    opened.set(name, queue);
    return queue;
  }

  async function add(queue: string, jobId: string, { id, project }: Queued): Promise<void> {
    const priority = await nextPriority(redis, {
      keys: { fairness: keys.fairness(queue) },
      project,
      lowest: lowestPriority,
    });
    await queueOf(queue).add('sandbox', { sandboxId: id }, { jobId, priority });
  }

  /** Asks `command` of each id in one round trip. */
  async function ofEach(command: 'exists' | 'zrank', keysAndMembers: readonly string[][]): Promise<(number | null)[]> {
    const replies = (await redis.pipeline(keysAndMembers.map((given) => [command, ...given])).exec()) ?? [];
    return replies.map(([error, reply]) => {
      if (error) throw error;
      return reply as number | null;
    });
  }

  return {
    async addStart(runtime: string, sandbox: Queued): Promise<void> {
      await add(startQueue(runtime), jobIdOf('start', sandbox.id), sandbox);
    },
    async addRestart(host: string, sandbox: Queued): Promise<void> {
      await add(hostQueue(host), jobIdOf('restart', sandbox.id), sandbox);
    },
    async addDelete(host: string, sandbox: Queued): Promise<void> {
      await add(hostQueue(host), jobIdOf('delete', sandbox.id), sandbox);
    },
    /** Takes a job out that no host has taken yet. */
    async removeStart(runtime: string, id: string): Promise<void> {
      await queueOf(startQueue(runtime)).remove(jobIdOf('start', id));
    },
    /** How many jobs come before it, and one; null for what does not wait. BullMQ keeps what has a priority in one sorted set. */
    async startPositions(runtime: string, ids: readonly string[]): Promise<(number | null)[]> {
      const waiting = queueOf(startQueue(runtime)).toKey('prioritized');
      const ranks = await ofEach(
        'zrank',
        ids.map((id) => [waiting, jobIdOf('start', id)]),
      );
      return ranks.map((rank) => (rank === null ? null : rank + 1));
    },
    /** Those of the ids that have no job in the queue, whatever its state. */
    async withoutStart(runtime: string, ids: readonly string[]): Promise<string[]> {
      const queue = queueOf(startQueue(runtime));
      const found = await ofEach(
        'exists',
        ids.map((id) => [queue.toKey(jobIdOf('start', id))]),
      );
      return ids.filter((_id, i) => found[i] === 0);
    },
    /** To be called when a worker has taken a job of the queue, for the turns of the others. */
    async noteTaken(queue: string, project: string, priority: number): Promise<void> {
      const waiting = await queueOf(queue).getPrioritizedCount();
      await noteTaken(redis, {
        keys: { fairness: keys.fairness(queue) },
        project,
        priority,
        waiting,
        high: highPriority,
      });
    },
    async close(): Promise<void> {
      await Promise.all([...opened.values()].map((queue) => queue.close()));
    },
  };
}
