import type { BaseLogger } from 'pino';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { networkOf } from './client-network.ts';

interface Refusal {
  readonly address: string;
  /** What kind of refusal it is: the code of the problem, or the status. */
  readonly kind: string | number;
  /** The fault is the service's. Those of clients, however many there are, leave the lines of these alone. */
  readonly isFault?: boolean;
}

/** Writes the lines of a refusal, or only counts it. */
export type RefusalLog = (refusal: Refusal, write: () => void) => void;

/** In a second. */
const mostOfOne = 5;
const mostOfAll = 100;
const summaryEveryMs = 10_000;
const mostInSummary = 10;

/**
 * Keeps floods out of the log: of each address and kind a few refusals in a second are written. How many were left out is
 * told every ten seconds, as long as there are any, with those who had the most.
 */
export function createRefusalLog(logger: Pick<BaseLogger, 'info'>): RefusalLog {
  const ofOne = new RateLimiterMemory({ points: mostOfOne, duration: 1 });
  const ofAll = new RateLimiterMemory({ points: mostOfAll, duration: 1 });
  const ofFaults = new RateLimiterMemory({ points: mostOfAll, duration: 1 });
  const leftOut = new Map<string, number>();

  function count(key: string): void {
    if (leftOut.size === 0) setTimeout(summarize, summaryEveryMs).unref();
    // Of a crowd of addresses, only the first are told by themselves.
    const known = leftOut.has(key) || leftOut.size < mostOfAll ? key : 'others';
    leftOut.set(known, (leftOut.get(known) ?? 0) + 1);
  }

  function summarize(): void {
    const counts = [...leftOut].sort(([, a], [, b]) => b - a);
    const total = counts.reduce((sum, [, one]) => sum + one, 0);
    logger.info({ leftOut: total, most: Object.fromEntries(counts.slice(0, mostInSummary)) }, 'refusals not logged');
    leftOut.clear();
  }

  return ({ address, kind, isFault }, write) => {
    const key = `${networkOf(address)} ${kind}`;
    ofOne
      .consume(key)
      .then(() => (isFault ? ofFaults : ofAll).consume(''))
      .then(write, () => count(key));
  };
}

/** A path or a name as it is logged: whoever sends it chooses how long it is. */
export function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
