import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis-keys.ts';

/** A job only says which delivery to try. The delivery says how often it was, and what comes next. */
interface DeliveryJob {
  readonly project: string;
  readonly id: string;
}

const queueName = 'deliver';
/** Far more than a project may have under way: one does not keep the others waiting. */
const triesAtOnce = 200;

export interface DeliveryQueue {
  /** Queues a try, in `delayMs`. One too many does no harm: the delivery is not due then. */
  enqueue(delivery: DeliveryJob, delayMs?: number): Promise<void>;
  close(): Promise<void>;
}

export function createDeliveryQueue({ redis, keys }: { redis: Redis; keys: RedisKeys }): DeliveryQueue {
  const queue = new Queue<DeliveryJob>(queueName, {
    connection: redis,
    prefix: keys.base,
    skipVersionCheck: true,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  // Each failing add rejects by itself.
  queue.on('error', () => undefined);
  return {
    async enqueue({ project, id }, delayMs = 0) {
      await queue.add('deliver', { project, id }, { delay: delayMs });
    },
    close: () => queue.close(),
  };
}

/** Takes the tries. What fails with an error is a fault of the service's own: it is told by `onError`. */
export function createDeliveryWorker(options: {
  redis: Redis;
  keys: RedisKeys;
  attempt: (delivery: DeliveryJob) => Promise<void>;
  onError: (error: Error) => void;
}): Worker<DeliveryJob> {
  const { redis, keys, attempt, onError } = options;
  const worker = new Worker<DeliveryJob>(queueName, async (job) => await attempt(job.data), {
    connection: redis,
    prefix: keys.base,
    concurrency: triesAtOnce,
    skipVersionCheck: true,
    autorun: false,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  worker.on('error', onError);
  worker.on('failed', (_job, error) => onError(error));
  return worker;
}
