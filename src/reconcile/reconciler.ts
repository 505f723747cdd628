import { check } from './check.ts';
import type { TryAgainAt } from './failure.ts';
import { reconcile } from './reconcile.ts';
import type { WorkerContext } from './worker-context.ts';

/** Work on one sandbox. */
interface UnderWay {
  /** Cuts the work short, as when the sandbox is not wanted any more. */
  readonly cut: AbortController;
  readonly done: Promise<TryAgainAt>;
}

export type Reconciler = ReturnType<typeof createReconciler>;

/** Reconciles the sandboxes of one host: of each, one step at a time. */
export function createReconciler(context: WorkerContext) {
  const { store, signal: stopping } = context;
  const underWay = new Map<string, UnderWay>();

  /**
   * Brings a sandbox to what its record wants. While another call is at it, this one waits: for a start that is not wanted
   * any more not for long, as that is cut short. Returns when to be called again; when this worker stops, that is at once,
   * by whoever serves the sandbox next.
   */
  async function work(id: string): Promise<TryAgainAt> {
    for (let other = underWay.get(id); other; other = underWay.get(id)) {
      if (await isUnwanted(id)) other.cut.abort();
      // How it ended is told to whoever began it.
      await other.done.catch(() => undefined);
    }
    const again = await begin(id, (signal) => reconcile(context, id, signal));
    return stopping.aborted ? Date.now() : again;
  }

  function begin(id: string, step: (signal: AbortSignal) => Promise<TryAgainAt>): Promise<TryAgainAt> {
    const cut = new AbortController();
    const done = step(AbortSignal.any([cut.signal, stopping])).finally(() => underWay.delete(id));
    underWay.set(id, { cut, done });
    return done;
  }

  async function isUnwanted(id: string): Promise<boolean> {
    const stored = await store.get(id);
    return !stored || stored.record.desired === 'deleted';
  }

  return {
    work,
    /** Compares a sandbox with its record and queues what is to be done; nothing while it is being worked on. */
    async check(id: string): Promise<void> {
      if (underWay.has(id) || stopping.aborted) return;
      await begin(id, async () => {
        await check(context, id);
        return null;
      });
    },
    /** Resolves when nothing is under way any more. */
    async settled(): Promise<void> {
      while (underWay.size > 0) await Promise.allSettled([...underWay.values()].map(({ done }) => done));
    },
  };
}
