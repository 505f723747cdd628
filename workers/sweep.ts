import { rotateLogs, sweepDue, sweepHost, sweepLostStarts } from '../src/reconcile/sweep.ts';
import { repeat } from '../src/repeat.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';

/** Looking for lost starts reads all that wait: done once in so many sweeps. */
const sweepsToLostStarts = 6;
/** One that takes longer than this beyond its interval is stuck. */
const stuckAfterMs = 60_000;

export interface Sweeps extends RunningWorker {
  /** False once no sweep has ended for long. */
  isHealthy(): boolean;
}

/** Compares everything with the records, again and again: what was lost or has died is found here. */
export function sweep({ config, context, reconciler, advanceRemovals, logger, signal }: WorkerParts): Sweeps {
  const { sweepIntervalMs } = config;
  let sweptAt = performance.now();
  const noteSwept = () => {
    sweptAt = performance.now();
  };
  /** Takes a step again and again, until this host stops or is lost. One that fails or takes long is no other's matter. */
  const every = (ms: number, step: () => Promise<void>) =>
    repeat(
      ms,
      async () => {
        if (!signal.aborted) await step();
      },
      (error) => logger.warn({ err: error }, 'sweep cut short'),
    );
  const sweeps = [
    every(sweepIntervalMs, () => sweepHost(context, reconciler).then(noteSwept)),
    every(sweepIntervalMs, () => sweepDue(context)),
    every(sweepIntervalMs, () => rotateLogs(context)),
    every(sweepIntervalMs * sweepsToLostStarts, () => sweepLostStarts(context)),
    every(sweepIntervalMs, advanceRemovals),
  ];
  return {
    isHealthy: () => performance.now() - sweptAt < sweepIntervalMs * 3 + stuckAfterMs,
    async close() {
      await Promise.all(sweeps.map((one) => one.stop()));
    },
  };
}
