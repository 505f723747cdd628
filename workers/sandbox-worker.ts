import { DelayedError, type Job, Worker } from 'bullmq';
import type { SandboxJob } from '../src/queue/names.ts';
import type { WorkerParts } from './parts.ts';

/**
 * A worker that died is found by its lock: another takes its jobs after about 8 s. That two work on one job when the first
 * only stood still does no harm: each change of a record compares and swaps.
 */
const locks = { lockDuration: 6000, stalledInterval: 2000, maxStalledCount: 20 };

export type SandboxWorkerParts = Pick<
  WorkerParts,
  'queueRedis' | 'keys' | 'queues' | 'store' | 'reconciler' | 'logger'
>;

/** Takes the jobs of a queue of sandboxes, so many at a time, and has each reconciled. */
export function sandboxWorker(
  { queueRedis, keys, queues, store, reconciler, logger }: SandboxWorkerParts,
  { queue, concurrency }: { queue: string; concurrency: number },
): { close(): Promise<void> } {
  async function process(job: Job<SandboxJob>, token?: string): Promise<void> {
    const { sandboxId } = job.data;
    const project = await store.projectOf(sandboxId);
    if (project === null) return;
    await queues.noteTaken(queue, project, job.priority);
    const again = await reconciler.work(sandboxId);
    if (again === null) return;
    // Its slot is free until then, and any host that serves the queue may take it.
    await job.moveToDelayed(again, token);
    throw new DelayedError();
  }

  const worker = new Worker<SandboxJob>(queue, process, {
    connection: queueRedis,
    prefix: keys.base,
    concurrency,
    skipVersionCheck: true,
    autorun: false,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    ...locks,
  });
  worker.on('error', (error) => logger.warn({ queue, err: error }, 'queue'));
  // The sweep finds what is left to do, and queues it again.
  worker.on('failed', (job, error) =>
    logger.error({ queue, sandboxId: job?.data.sandboxId, err: error }, 'job failed'),
  );
  // Runs until closed; its errors come by the events above.
  worker.run().catch((error: unknown) => logger.error({ queue, err: error }, 'queue worker ended'));
  return { close: () => worker.close() };
}
