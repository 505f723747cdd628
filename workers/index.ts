import { openInOrder } from '../src/open-in-order.ts';
import { changeSandboxes } from './change-sandbox.ts';
import { deliverWebhooks } from './deliver-webhook.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';
import { projectEvents } from './project-events.ts';
import { reportHost } from './report-host.ts';
import { serveLogs } from './serve-logs.ts';
import { startSandboxes } from './start-sandbox.ts';
import { sweep } from './sweep.ts';

export interface RunningWorkers {
  /** False once they can no longer do their work. */
  isHealthy(): boolean;
  /** Takes nothing new and ends what is under way; sandboxes run on. */
  close(): Promise<void>;
}

/** Starts everything that works on this host; what was started is stopped again when a later one cannot be. */
export async function startWorkers(parts: WorkerParts): Promise<RunningWorkers> {
  return await openInOrder(async (started) => await startAll(parts, started));
}

async function startAll(parts: WorkerParts, started: AsyncDisposableStack): Promise<RunningWorkers> {
  const run = <Worker extends RunningWorker>(worker: Worker): Worker => {
    started.defer(async () => await worker.close());
    return worker;
  };
  run(await serveLogs(parts));
  run(projectEvents(parts));
  run(deliverWebhooks(parts));
  run(changeSandboxes(parts));
  for (const worker of startSandboxes(parts)) run(worker);
  const sweeps = run(sweep(parts));
  run(await reportHost(parts));
  return { isHealthy: sweeps.isHealthy, close: () => started.disposeAsync() };
}
