import { changeSandboxes } from './change-sandbox.ts';
import { deliverWebhooks } from './deliver-webhook.ts';
import type { WorkerParts } from './parts.ts';
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
  await using starting = new AsyncDisposableStack();
  const run = <Worker extends { close(): void | Promise<void> }>(worker: Worker): Worker => {
    starting.defer(async () => await worker.close());
    return worker;
  };
  run(await serveLogs(parts));
  run(projectEvents(parts));
  run(deliverWebhooks(parts));
  run(changeSandboxes(parts));
  for (const worker of startSandboxes(parts)) run(worker);
  const sweeps = run(sweep(parts));
  run(await reportHost(parts));
  const running = starting.move();
  return { isHealthy: sweeps.isHealthy, close: () => running.disposeAsync() };
}
