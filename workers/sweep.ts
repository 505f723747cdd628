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
  const { sweepIntervalMs } = config;
  let sweptAt = performance.now();
  const noteSwept = () => {
    sweptAt = performance.now();
  };
  /** Takes the steps one after the other, again and again, until this host stops or is lost. */
  const every = (ms: number, ...steps: (() => void | Promise<void>)[]) =>
    repeat(
      ms,
      async () => {
        for (const step of steps) if (!signal.aborted) await step();
      },
      (error) => logger.warn({ err: error }, 'sweep cut short'),
    );
  const sweeps = [
    every(
      sweepIntervalMs,
      () => sweepHost(context, reconciler),
      () => sweepDue(context),
      () => rotateLogs(context),
      noteSwept,
    ),
    every(sweepIntervalMs * sweepsToLostStarts, () => sweepLostStarts(context)),
    // Not in line with the others: a project of thousands takes long.
    every(sweepIntervalMs, advanceRemovals),
  ];
  return {
    isHealthy: () => performance.now() - sweptAt < sweepIntervalMs * 3 + stuckAfterMs,
    async close() {
      await Promise.all(sweeps.map((one) => one.stop()));
    },
  };
}
