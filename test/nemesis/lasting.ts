import { setTimeout as delay } from 'node:timers/promises';
import type { Problem } from './model.ts';

export type Lasting = ReturnType<typeof createLasting>;

/** Faults that go on for some seconds while others strike. One that cannot be undone is a problem, and keeps nothing waiting. */
export function createLasting(found: (problem: Problem) => void) {
  const underWay = new Set<{ name: string; over: AbortController; done: Promise<void> }>();

  /** Undoes that fault when its time is over, or at `end`. */
  function undoAfter(name: string, seconds: number, undo: () => Promise<void>): void {
    const over = new AbortController();
    const work = async () => {
      await delay(seconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
      await undo().catch((error) => found({ kind: 'orphan', what: `${name}, which could not be undone: ${error}` }));
      underWay.delete(one);
    };
    const one = { name, over, done: work() };
    underWay.add(one);
  }

  async function end(): Promise<void> {
    const all = [...underWay];
    for (const { over } of all) over.abort();
    await Promise.all(all.map(({ done }) => done));
  }

  return { undoAfter, end, isUnderWay: (name: string) => [...underWay].some((one) => one.name === name) };
}
