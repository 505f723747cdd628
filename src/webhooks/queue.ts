import { DelayedError, type Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis-keys.ts';

/** A job only says which delivery to try. */
interface DeliveryJob {
  readonly project: string;
  readonly id: string;
}

/** What became of a try: done with it, again after the next pause, or not now because its receiver is busy. */
export type Outcome = 'done' | 'again' | 'busy';

const queueName = 'deliver';
const triesAtOnce = 50;
const busyPauseMs = 1000;

export interface DeliveryQueue {
  /** Queues a try, unless it is queued already. `again`: also if it was before. */
  enqueue(delivery: DeliveryJob, again?: boolean): Promise<void>;
  close(): Promise<void>;
}

/** `pausesMs`: how long to wait after the first, second, ... try that failed. */
export function createDeliveryQueue(options: {
  redis: Redis;
  keys: RedisKeys;
  pausesMs: readonly number[];
}): DeliveryQueue {
  const { redis, keys, pausesMs } = options;
  const queue = new Queue<DeliveryJob>(queueName, {
    connection: redis,
    prefix: keys.base,
    skipVersionCheck: true,
    defaultJobOptions: {
      attempts: pausesMs.length + 1,
      backoff: { type: 'custom' },
      removeOnComplete: true,
      removeOnFail: true,
    },
  });
  // Each failing add rejects by itself.
  queue.on('error', () => undefined);
  return {
    async enqueue({ project, id }, again = false) {
      await queue.add('deliver', { project, id }, { jobId: again ? `${id}-${Date.now()}` : id });
    },
    close: () => queue.close(),
  };
}

/** Takes the tries. `attempt` gets how many came before this one. */
export function createDeliveryWorker(options: {
  redis: Redis;
  keys: RedisKeys;
  pausesMs: readonly number[];
  attempt: (delivery: DeliveryJob, triesBefore: number) => Promise<Outcome>;
  onError: (error: Error) => void;
}): Worker<DeliveryJob> {
  const { redis, keys, pausesMs, attempt, onError } = options;
  const work = async (job: Job<DeliveryJob>, token?: string) => {
    const outcome = await attempt(job.data, job.attemptsMade);
    if (outcome === 'again') throw new Error('not delivered');
    if (outcome === 'done') return;
    // Does not count as a try.
    await job.moveToDelayed(Date.now() + busyPauseMs * (1 + Math.random()), token);
    throw new DelayedError();
  };
  const worker = new Worker<DeliveryJob>(queueName, work, {
    connection: redis,
    prefix: keys.base,
    concurrency: triesAtOnce,
    skipVersionCheck: true,
    autorun: false,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    settings: { backoffStrategy: (attemptsMade) => pausesMs[attemptsMade - 1] ?? pausesMs.at(-1) ?? 0 },
  });
  worker.on('error', onError);
  return worker;
}
