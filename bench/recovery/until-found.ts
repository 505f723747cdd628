import { setTimeout as delay } from 'node:timers/promises';

const limitMs = 180_000;

interface Wait {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  readonly everyMs: number;
  /** What it was waited for, once the time is over. */
  readonly describe: () => string;
}

/**
 * Looks again and again until something is found. `look` is given a signal that ends it too. Throws what `look` throws, the
 * reason once `signal` aborts, and what `describe` returns after three minutes.
 */
export async function untilFound<Found>(
  look: (signal: AbortSignal) => Promise<Found | null>,
  { signal, everyMs, describe }: Wait,
): Promise<Found> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  while (!over.aborted) {
    const found = await look(over).catch((error: unknown) => {
      if (over.aborted) return null;
      throw error;
    });
    if (found !== null) return found;
    // The rejection only says that it is over.
    await delay(everyMs, undefined, { signal: over }).catch(() => undefined);
  }
  signal.throwIfAborted();
  throw new Error(`not within ${limitMs / 1000} s: ${describe()}`);
}
