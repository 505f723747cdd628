import { setTimeout as delay } from 'node:timers/promises';

/** Of the interval, how much is left free after work that takes as long or longer. */
const leastPause = 0.2;

/** Runs `work` every `everyMs`, counted from its beginning, and one after the other. */
export function repeat(everyMs: number, work: () => Promise<void>, onError: (error: unknown) => void) {
  const stopped = new AbortController();
  const running = (async () => {
    while (!stopped.signal.aborted) {
      const dueAt = performance.now() + everyMs;
      await work().catch(onError);
      const pauseMs = Math.max(dueAt - performance.now(), everyMs * leastPause);
      // The rejection only says that it is over.
      await delay(pauseMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
