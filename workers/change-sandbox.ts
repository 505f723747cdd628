import { hostQueue } from '../src/queue/names.ts';
import type { WorkerParts } from './parts.ts';
import { sandboxWorker } from './sandbox-worker.ts';

/** Mostly deletions: little work each. Beside them, as many restarts as wait for a start slot. */
const deletionsAtOnce = 32;

/** Takes the work on sandboxes that are on this host: deletes them, and starts again what died. */
export function changeSandboxes(parts: WorkerParts) {
  const { startConcurrency } = parts.config;
  return sandboxWorker(parts, { queue: hostQueue(parts.host), concurrency: deletionsAtOnce + 2 * startConcurrency });
}
