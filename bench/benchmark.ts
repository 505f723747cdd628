import { type Cleanup, createCleanup } from './cleanup.ts';

/**
 * The frame of every benchmark: runs it, prints why it failed, and undoes what it has added to `cleanup`, also when it
 * is stopped by a signal. Its AbortSignal aborts before that. Ends the process.
 */
export async function runBenchmark(measure: (cleanup: Cleanup, signal: AbortSignal) => Promise<void>): Promise<void> {
  const cleanup = createCleanup();
  const stopping = new AbortController();
  const stopped = Promise.withResolvers<never>();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const reason = new Error(`stopped by ${name}`);
      stopping.abort(reason);
      stopped.reject(reason);
    });
  }
  try {
    await Promise.race([measure(cleanup, stopping.signal), stopped.promise]);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
  // What still goes on when one of several things has failed is to start nothing that nobody would end.
  stopping.abort(new Error('the benchmark has ended'));
  await cleanup.run();
  // Connections that are still open, as of a request that was stopped, would keep the process running.
  process.exit();
}
