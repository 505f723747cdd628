import type { Redis } from 'ioredis';
import { lowestPriority } from '../queue/fair-priority.ts';
import { openQueue } from '../queue/open-queue.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { ReceiverId } from './delivery.ts';

export const deliveryQueue = 'deliver';

/** A job only says which receiver to look after: the next of its deliveries that is due is tried. */
export interface DeliveryJob extends ReceiverId {
  /** The job comes too early before this time (ms), which is by the clock of Redis: those of hosts may differ. */
  readonly notBeforeMs?: number;
}

interface NewDeliveryJob extends DeliveryJob {
  /** How many deliveries of the receiver wait to be tried. */
  readonly waiting: number;
  readonly delayMs?: number;
}

export interface DeliveryQueue {
  /** A job too many does no harm: it finds nothing that is due, or no free slot. */
  enqueue(job: NewDeliveryJob): Promise<void>;
  enqueueAll(jobs: readonly NewDeliveryJob[]): Promise<void>;
  /** For receivers that seem to have no job: one at a time for each, however often this is called. */
  enqueueLost(receivers: readonly ReceiverId[]): Promise<void>;
  close(): Promise<void>;
}

export function createDeliveryQueue({ redis, keys }: { redis: Redis; keys: RedisKeys }): DeliveryQueue {
  const queue = openQueue<DeliveryJob>(deliveryQueue, { redis, keys });
  return {
    async enqueue(job) {
      const { name, data, opts } = toBullJob(job);
      await queue.add(name, data, opts);
    },
    async enqueueAll(jobs) {
      if (jobs.length > 0) await queue.addBulk(jobs.map(toBullJob));
    },
    async enqueueLost(receivers) {
      const jobs = receivers.map((receiver) => {
        const { opts, ...job } = toBullJob({ ...receiver, waiting: 1 });
        return { ...job, opts: { ...opts, jobId: `lost-${receiver.webhookId}` } };
      });
      if (jobs.length > 0) await queue.addBulk(jobs);
    },
    close: () => queue.close(),
  };
}

/**
 * The first delivery that waits for a receiver comes before the second one of any, so that a long queue of one receiver does
 * not hold up the others. BullMQ would put a job without a priority before all that have one.
 */
function toBullJob({ waiting, delayMs = 0, project, webhookId, notBeforeMs = 0 }: NewDeliveryJob) {
  return {
    name: 'deliver',
    data: { project, webhookId, notBeforeMs },
    opts: { delay: delayMs, priority: Math.min(Math.max(waiting, 1), lowestPriority) },
  };
}
