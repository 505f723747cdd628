import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis/keys.ts';

/** A BullMQ queue of the service. What is done with a job is in the records: jobs that have ended are not kept. */
export function openQueue<Job>(name: string, { redis, keys }: { redis: Redis; keys: RedisKeys }): Queue<Job> {
  const queue = new Queue<Job>(name, {
    connection: redis,
    prefix: keys.base,
    skipVersionCheck: true,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    // Nobody reads them, and BullMQ keeps 10,000 by default.
    streams: { events: { maxLen: 100 } },
  });
  // Nothing to do: each call that fails rejects by itself. Without a listener, an error would end the process.
  queue.on('error', () => undefined);
  return queue as Queue<Job>;
}
