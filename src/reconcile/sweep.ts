import type { Logger } from 'pino';
import { phaseOf } from '../sandbox/record.ts';
import type { Store } from '../sandbox/store.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { HostRuntime } from './worker-context.ts';

export interface SweepOptions {
  readonly host: string;
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly runtimes: ReadonlyMap<string, HostRuntime>;
  readonly reconcile: (sandboxId: string) => Promise<void>;
  readonly logger: Logger;
  /** Aborts when the host stops or is lost. */
  readonly signal: AbortSignal;
}

const atOnce = 20;

/**
 * One look at everything on this host: each record against what runs (this also finds work whose wake-up was lost, what
 * died, and what has expired), and each thing that runs against the records.
 */
export async function sweep(options: SweepOptions): Promise<void> {
  const { host, store, dispatcher } = options;
  const changing = await dispatcher.holders('changes');
  for await (const ids of store.idsToLookAt(host)) {
    await reconcileAll(ids, options);
    if (options.signal.aborted) return;
  }
  await removeOrphans(options);
  await releaseLostStarts(options);
  // Each was looked at meanwhile: who holds a place still has lost its wake-up.
  const still = new Set(await dispatcher.holders('changes'));
  for (const id of changing) if (still.has(id)) await dispatcher.release('changes', id);
  dispatcher.dispatch();
}

/** One look at those that wait for their first turn: whether they still have a place in their lane. */
export async function sweepWaiting(options: Omit<SweepOptions, 'runtimes'>): Promise<void> {
  for await (const ids of options.store.idsWithoutPlace(options.host)) {
    await reconcileAll(ids, options);
    if (options.signal.aborted) return;
  }
  options.dispatcher.dispatch();
}

type Reconciling = Pick<SweepOptions, 'reconcile' | 'logger'>;

async function reconcileAll(ids: readonly string[], options: Reconciling): Promise<void> {
  for (let i = 0; i < ids.length; i += atOnce) {
    await Promise.all(ids.slice(i, i + atOnce).map((id) => reconcileOne(id, options)));
  }
}

async function reconcileOne(id: string, { reconcile, logger }: Reconciling): Promise<void> {
  await reconcile(id).catch((error: unknown) => logger.error({ sandboxId: id, err: error }, 'sandbox not reconciled'));
}

/** A record is always written before the first thing it owns: what has no record has lost it. */
async function removeOrphans({ runtimes, store, host, logger }: SweepOptions): Promise<void> {
  for (const [name, { runtime }] of runtimes) {
    for (const { sandboxId } of await runtime.observe()) {
      const owner = (await store.get(sandboxId))?.record.sandbox.status;
      if (owner?.host === host && owner.runtime === name) continue;
      logger.warn({ sandboxId, runtime: name }, 'removing what no record owns');
      await runtime.remove(sandboxId);
    }
  }
}

/** Places held by sandboxes that are gone or have started, as after a crash between the two steps. */
async function releaseLostStarts({ dispatcher, store }: SweepOptions): Promise<void> {
  for (const id of await dispatcher.holders('starts')) {
    const stored = await store.get(id);
    if (stored && ['pending', 'provisioning', 'degraded'].includes(phaseOf(stored.record))) continue;
    await dispatcher.release('starts', id);
  }
}
