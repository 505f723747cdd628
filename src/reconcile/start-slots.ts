import PQueue from 'p-queue';

export type StartSlots = ReturnType<typeof createStartSlots>;

/** Restarts go first: what they bring back has users already. */
const priorities = { start: 0, restart: 1 } as const;

/**
 * How many sandboxes of a host start at the same time, whatever their runtime and whether for the first time or again: each
 * is seconds of CPU.
 */
export function createStartSlots(count: number) {
  const queue = new PQueue({ concurrency: count });
  return {
    /**
     * Runs `work` in a free slot. Rejects with the reason of `signal` when that aborts before it has one; from then on
     * the end of `work` is waited for, whatever happens, so that nothing goes on behind the back of who cut it short.
     */
    async run<Result>(
      kind: keyof typeof priorities,
      work: () => Promise<Result>,
      signal: AbortSignal,
    ): Promise<Result> {
      signal.throwIfAborted();
      // Of its own, as p-queue would also reject for work that has begun when its signal aborts.
      const waiting = new AbortController();
      const stopWaiting = () => waiting.abort(signal.reason);
      const begin = async () => {
        signal.removeEventListener('abort', stopWaiting);
        return await work();
      };
      signal.addEventListener('abort', stopWaiting, { once: true });
      return await queue.add(begin, { priority: priorities[kind], signal: waiting.signal });
    },
    /** Whether so many restarts wait here already that more of them should wait in their BullMQ queue. */
    hasEnoughRestarts: () => queue.sizeBy({ priority: priorities.restart }) >= count,
  };
}
