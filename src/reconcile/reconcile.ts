import { wantsComponents } from '../sandbox/phase.ts';
import { phaseOf, type SandboxRecord } from '../sandbox/record.ts';
import type { Stored } from '../sandbox/store.ts';
import { lookAtRuntime } from './away.ts';
import { bringUp } from './bring-up.ts';
import { areComponentsReady, noRoom, noteWaiting, preparing } from './components-ready.ts';
import { endOf, remove } from './end.ts';
import { handleFailure, type TryAgainAt, waitForRuntime } from './failure.ts';
import { mayClaim } from './may-claim.ts';
import type { WorkerContext } from './worker-context.ts';

/** Until it is asked again whether binaries or images are there. */
const componentsPauseMs = 2000;
/** Until it is asked again whether the host of a sandbox lives, whether its disk has room, or whether one more may be restarted. */
const busyPauseMs = 1000;

/**
 * Brings one sandbox to what its record wants, by as many steps as can be taken now. Level-triggered: it compares the record
 * with what exists, never minds why it was called, and may be cut off and repeated anywhere. Returns when it is to be called
 * again.
 */
export async function reconcile(context: WorkerContext, id: string, signal: AbortSignal): Promise<TryAgainAt> {
  const { store, deletion, host } = context;
  const stored = await store.get(id);
  if (!stored) return null;
  const { record } = stored;
  const { host: owner } = record.sandbox.status;
  const isHere = owner === host;
  const ended = isHere || owner === null ? await endOf(context, record) : null;
  if (ended) {
    if (isHere) return await removeWhenThere(context, ended);
    await deletion.carryOut(ended);
    return null;
  }
  const phase = phaseOf(record);
  if (!wantsComponents(phase) || phase === 'ready' || (phase === 'degraded' && !isHere)) return null;
  if (record.notBefore > Date.now()) return record.notBefore;
  const may = await mayClaim(context, record);
  if (may === 'never') return null;
  if (may === 'full') await noteWaiting(context, id, noRoom);
  if (may !== 'now') return Date.now() + busyPauseMs;
  const away = await lookAtRuntime(context, record);
  if (away !== null) return await waitForRuntime(context, record, away);
  return await bringUpWithComponents(context, stored, signal);
}

async function removeWhenThere(context: WorkerContext, record: SandboxRecord): Promise<TryAgainAt> {
  const away = await lookAtRuntime(context, record);
  if (away !== null) return await waitForRuntime(context, record, away);
  await remove(context, record);
  return null;
}

/** No slot is held while binaries or images are fetched or built. */
async function bringUpWithComponents(context: WorkerContext, stored: Stored, signal: AbortSignal): Promise<TryAgainAt> {
  const { id } = stored.record.sandbox;
  const began = Date.now();
  const since = preparingSince(stored.record);
  try {
    if (!(await areComponentsReady(context, stored.record, since !== null, signal))) {
      await noteWaiting(context, id, preparing);
      return Date.now() + componentsPauseMs;
    }
  } catch (error) {
    return signal.aborted ? null : await handleFailure(context, id, error);
  }
  return await bringUpInSlot(context, stored, Date.now() - Math.min(began, since ?? began), signal);
}

async function bringUpInSlot(
  context: WorkerContext,
  { record, credentials }: Stored,
  componentsMs: number,
  signal: AbortSignal,
): Promise<TryAgainAt> {
  const { slots } = context;
  const kind = phaseOf(record) === 'degraded' ? 'restart' : 'start';
  if (kind === 'restart' && slots.hasEnoughRestarts()) return Date.now() + busyPauseMs;
  try {
    const start = () => bringUp(context, { record, credentials: credentials(), componentsMs, signal });
    return await slots.run(kind, start, signal);
  } catch (error) {
    // Cut off while it waited for a slot.
    if (signal.aborted) return null;
    throw error;
  }
}

/** Since when binaries or images are being fetched or built for it, in epoch milliseconds. */
function preparingSince({ sandbox }: SandboxRecord): number | null {
  const noted = sandbox.status.conditions.find(({ reason }) => reason === preparing.reason);
  return noted ? Date.parse(noted.lastTransitionTime) : null;
}
