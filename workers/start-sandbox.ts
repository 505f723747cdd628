import { startQueue } from '../src/queue/names.ts';
import type { WorkerParts } from './parts.ts';
import { sandboxWorker } from './sandbox-worker.ts';

/**
 * Takes sandboxes that no host has yet, from the queue of each runtime that this host offers. All hosts share these queues,
 * and each takes as many as it has slots: so a sandbox goes where there is room.
 */
export function startSandboxes(parts: WorkerParts) {
  const concurrency = parts.config.startConcurrency;
  return [...parts.runtimes.keys()].map((runtime) => sandboxWorker(parts, { queue: startQueue(runtime), concurrency }));
}
