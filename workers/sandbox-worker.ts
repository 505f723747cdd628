import { DelayedError, type Job } from 'bullmq';
import type { SandboxJob } from '../src/queue/names.ts';
import { openWorker } from '../src/queue/open-worker.ts';
import type { WorkerParts } from './parts.ts';

/**
 * A worker that died is found by its lock: its jobs are taken after 5 s at most. What its host had claimed waits for the lease of
 * that host too. That two work on one job when the first only stood still does no harm: each change of a record compares and
 * swaps.
 */
const locks = { lockDuration: 4000, stalledInterval: 1000, maxStalledCount: 20 };

export type SandboxWorkerParts = Pick<
  WorkerParts,
  'queueRedis' | 'keys' | 'queues' | 'store' | 'reconciler' | 'logger' | 'signal'
>;

export interface SandboxWorker {
  /** Takes no more jobs until it is resumed; those that it has go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

/** Takes the jobs of a queue of sandboxes, so many at a time, and has each reconciled. */
export function sandboxWorker(
  { queueRedis, keys, queues, store, reconciler, logger, signal }: SandboxWorkerParts,
  { queue, concurrency }: { queue: string; concurrency: number },
): SandboxWorker {
  async function process(job: Job<SandboxJob>, token?: string): Promise<void> {
    const { sandboxId } = job.data;
    // A host that stops, or that another worker has taken over, touches nothing any more.
    if (signal.aborted) return await comeAgain(job, Date.now(), token);
    const project = await store.projectOf(sandboxId);
    if (project === null) return;
    await queues.noteTaken(queue, project, job.priority);
    const again = await reconciler.work(sandboxId);
    if (again !== null) await comeAgain(job, again, token);
  }

  const worker = openWorker<SandboxJob>(queue, process, { redis: queueRedis, keys, logger, concurrency, ...locks });
  // Takes no more jobs from then on. Closing it again later waits for the same end, and tells how that went.
  signal.addEventListener('abort', () => void worker.close().catch(() => undefined), { once: true });
  return { pause: () => worker.pause(true), resume: () => worker.resume(), close: () => worker.close() };
}

/** Its slot is free until then, and any host that serves the queue may take it. */
async function comeAgain(job: Job<SandboxJob>, atMs: number, token?: string): Promise<never> {
  await job.moveToDelayed(atMs, token);
  throw new DelayedError();
}
