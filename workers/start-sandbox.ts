import { startQueue } from '../src/queue/names.ts';
import type { Presence } from '../src/reconcile/presence.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';
import { sandboxWorker } from './sandbox-worker.ts';

/**
 * Takes sandboxes that no host has yet, from the queue of each runtime that this host offers. All hosts share these queues,
 * and each takes as many as it has slots: so a sandbox goes where there is room.
 */
export function startSandboxes(parts: WorkerParts) {
  const concurrency = parts.config.startConcurrency;
  return [...parts.runtimes].map(([runtime, { presence }]) => {
    const start = () => sandboxWorker(parts, { queue: startQueue(runtime), concurrency });
    return presence ? onceOffered(presence, start) : start();
  });
}

/** A daemon may be started after the service. */
function onceOffered({ offered }: Presence, start: () => RunningWorker): RunningWorker {
  let worker: RunningWorker | null = null;
  let isClosed = false;
  void offered.then(() => {
    if (!isClosed) worker = start();
  });
  return {
    async close() {
      isClosed = true;
      await worker?.close();
    },
  };
}
