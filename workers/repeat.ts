import { setTimeout as delay } from 'node:timers/promises';

/** Runs `work` again and again, `everyMs` after its last end. */
export function repeat(everyMs: number, work: () => Promise<void>, onError: (error: unknown) => void) {
  const stopped = new AbortController();
  const running = (async () => {
    while (!stopped.signal.aborted) {
      await work().catch(onError);
      // The rejection only says that it is over.
      await delay(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
