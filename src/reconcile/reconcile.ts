import { wantsComponents } from '../sandbox/phase.ts';
import { phaseOf, type SandboxRecord, toDeleting } from '../sandbox/record.ts';
import { bringUp } from './bring-up.ts';
import { runtimeOf, type WorkerContext } from './worker-context.ts';

/** The looks at one sandbox, one after the other. */
interface Pass {
  again: boolean;
  /** Cuts a start short when the sandbox is to be deleted. */
  cut: AbortController;
  done: Promise<void>;
}

/**
 * Brings one sandbox to what its record wants, by as many steps as can be taken now. Level-triggered: it looks at the
 * record and at what exists, never at why it was called, and may be cut off and repeated anywhere.
 */
export function createReconciler(context: WorkerContext) {
  const { store } = context;
  const busy = new Map<string, Pass>();

  /** One pass at a time for each sandbox; a call during a pass makes it look once more. */
  async function reconcile(id: string): Promise<void> {
    const pass = busy.get(id);
    if (pass) {
      pass.again = true;
      if (await isUnwanted(id)) pass.cut.abort();
      return;
    }
    const mine: Pass = { again: true, cut: new AbortController(), done: Promise.resolve() };
    busy.set(id, mine);
    mine.done = passes(id, mine);
    await mine.done;
  }

  async function passes(id: string, mine: Pass): Promise<void> {
    try {
      while (mine.again && !context.signal.aborted) {
        mine.again = false;
        if (mine.cut.signal.aborted) mine.cut = new AbortController();
        await takeSteps(context, id, AbortSignal.any([mine.cut.signal, context.signal]));
        // A start that was cut short by the end of this worker goes on in the next one.
        if (!mine.again && !context.signal.aborted) await context.dispatcher.releaseUnused(id);
      }
    } finally {
      // In the same step as the last look at `again`: between the two, a call could set it and nobody would see it.
      busy.delete(id);
    }
  }

  async function isUnwanted(id: string): Promise<boolean> {
    const stored = await store.get(id);
    return !stored || stored.record.desired === 'deleted';
  }

  /** Resolves when no pass is under way any more. */
  async function settled(): Promise<void> {
    while (busy.size > 0) await Promise.allSettled([...busy.values()].map((pass) => pass.done));
  }

  return { reconcile, settled };
}

async function takeSteps(context: WorkerContext, id: string, signal: AbortSignal): Promise<void> {
  const { store, health, host } = context;
  const stored = await store.get(id);
  if (!stored || stored.record.sandbox.status.host !== host) return;
  const { record, credentials } = stored;
  if (record.desired === 'deleted' || (await expire(context, record))) return await remove(context, record);
  if (!wantsComponents(phaseOf(record)) || record.notBefore > Date.now()) return;
  if (phaseOf(record) === 'ready') {
    const { runtime } = runtimeOf(context, record);
    if (await health.isHealthy(runtime, record, credentials)) return;
  }
  await bringUp(context, record, credentials(), signal);
}

/** Turns the end of its time to live into the wish to have it deleted; a longer one given meanwhile counts. */
async function expire({ store }: WorkerContext, record: SandboxRecord): Promise<boolean> {
  if (!isExpired(record)) return false;
  const now = await store.update(record.sandbox.id, (latest) => (isExpired(latest) ? toDeleting(latest) : null), {
    why: { reason: 'Expired', message: 'its time to live has ended' },
  });
  return now?.desired === 'deleted';
}

function isExpired(record: SandboxRecord): boolean {
  const { expiresAt } = record.sandbox;
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now();
}

/** First what runs, then the record: cut off in between, the next look finds the record and goes on. */
async function remove(context: WorkerContext, record: SandboxRecord): Promise<void> {
  const { store, health, logger } = context;
  const { id } = record.sandbox;
  const last = await store.update(id, (now) => (phaseOf(now) === 'deleting' ? null : toDeleting(now)));
  health.forget(id);
  await runtimeOf(context, record).runtime.remove(id);
  if (last) await store.remove(last.sandbox);
  logger.info({ sandboxId: id }, 'sandbox deleted');
  await context.dispatcher.release('starts', id);
}
