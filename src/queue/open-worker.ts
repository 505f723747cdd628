import { type Processor, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisKeys } from '../redis/keys.ts';

interface OpenWorkerOptions
  extends Pick<WorkerOptions, 'concurrency' | 'lockDuration' | 'stalledInterval' | 'maxStalledCount'> {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly logger: Logger;
}

/** Takes the jobs of a queue of the service until it is closed. A job that fails is logged; a sweep finds what is left to do. */
export function openWorker<Job extends object>(
  queue: string,
  process: Processor<Job, void>,
  { redis, keys, logger, ...options }: OpenWorkerOptions,
): Worker<Job, void> {
  const worker = new Worker<Job, void>(queue, process, {
    connection: redis,
    prefix: keys.base,
    skipVersionCheck: true,
    autorun: false,
    // A Redis that takes no writes, as while its disk is full, is asked again as soon as one that was away.
    runRetryDelay: 2000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    ...options,
  });
  worker.on('error', (error) => logger.warn({ queue, err: error }, 'queue'));
  worker.on('failed', (job, error) => logger.error({ queue, ...job?.data, err: error }, 'job failed'));
  // Runs until closed; its errors come by the events above.
  worker.run().catch((error: unknown) => logger.error({ queue, err: error }, 'queue worker ended'));
  return worker;
}
