import { rotateLogs, sweepDue, sweepHost, sweepLostStarts } from '../src/reconcile/sweep.ts';
import type { RunningWorker, WorkerParts } from './parts.ts';
import { repeat } from './repeat.ts';

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
  let sweptAt = performance.now();
  const cutShort = (error: unknown) => logger.warn({ err: error }, 'sweep cut short');
  const sweeps = repeat(
    config.sweepIntervalMs,
    async () => {
      const steps = [() => sweepHost(context, reconciler), () => sweepDue(context), () => rotateLogs(context)];
      for (const step of steps) if (!signal.aborted) await step();
      if (!signal.aborted) sweptAt = performance.now();
    },
    cutShort,
  );
  const lostStarts = repeat(
    config.sweepIntervalMs * sweepsToLostStarts,
    async () => {
      if (!signal.aborted) await sweepLostStarts(context);
    },
    cutShort,
  );
  // Not in line with the others: a project of thousands takes long.
  const removals = repeat(
    config.sweepIntervalMs,
    async () => {
      if (!signal.aborted) await advanceRemovals();
    },
    cutShort,
  );
  return {
    isHealthy: () => performance.now() - sweptAt < config.sweepIntervalMs * 3 + stuckAfterMs,
    async close() {
      await Promise.all([sweeps.stop(), lostStarts.stop(), removals.stop()]);
    },
  };
}
