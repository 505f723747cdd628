import { type BulkJobOptions, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis/keys.ts';

/** A job only says which delivery to try. The delivery says how often it was, and what comes next. */
interface DeliveryJob {
  readonly project: string;
  readonly id: string;
}

/** Whose it is, if that is to say how urgent it is. */
interface Trial extends DeliveryJob {
  readonly webhookId?: string;
}

const queueName = 'deliver';
/** Far more than a project may have under way: one does not keep the others waiting. */
const triesAtOnce = 200;
const leastUrgent = 2 ** 21 - 1;

export interface DeliveryQueue {
  /** Queues a try, in `delayMs`. One too many does no harm: the delivery says whether it is due. */
  enqueue(delivery: Trial, delayMs?: number): Promise<void>;
  /** `waiting`: how many its receiver has. The first one of each receiver comes before the second one of any. */
  enqueueAll(deliveries: readonly (DeliveryJob & { readonly waiting: number })[]): Promise<void>;
  /** Queues those that seem to have no job, each once at a time, however often it is asked to. */
  enqueueLost(deliveries: readonly Trial[]): Promise<void>;
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
  const job = ({ project, id }: DeliveryJob, waiting: number, opts: BulkJobOptions = {}) => ({
    name: 'deliver',
    data: { project, id },
    // Without a priority, a job would come before all that have one (docs.bullmq.io, "Prioritized").
    opts: { ...opts, priority: Math.min(Math.max(waiting, 1), leastUrgent) },
  });
  const waitingWith = async ({ project, webhookId }: Trial) =>
    webhookId ? await redis.zcard(keys.deliveriesPending(project, webhookId)) : 1;
  return {
    async enqueue(delivery, delayMs = 0) {
      const { name, data, opts } = job(delivery, await waitingWith(delivery), { delay: delayMs });
      await queue.add(name, data, opts);
    },
    async enqueueAll(deliveries) {
      if (deliveries.length > 0) await queue.addBulk(deliveries.map((delivery) => job(delivery, delivery.waiting)));
    },
    async enqueueLost(deliveries) {
      const jobId = ({ project, id }: DeliveryJob) => `lost-${project}-${id}`;
      const jobs = await Promise.all(
        deliveries.map(async (delivery) => job(delivery, await waitingWith(delivery), { jobId: jobId(delivery) })),
      );
      if (jobs.length > 0) await queue.addBulk(jobs);
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
