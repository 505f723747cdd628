import { wantsComponents } from '../sandbox/phase.ts';
import { hasCondition, type SandboxRecord, withCondition } from '../sandbox/record.ts';
import { runtimeOf, type WorkerContext } from './worker-context.ts';

/** Looking into the cache, or asking a Docker daemon for an image, takes less. */
const quickMs = 500;
/** Of one that has been told already that it takes longer. */
const glanceMs = 50;

/**
 * Whether the binaries or images of a sandbox are there. When they are not, they are fetched or built, which may take
 * minutes and goes on after this has returned false: whoever asks again finds out how it ended. Throws
 * `component_unavailable`, and the reason of `signal`.
 */
export async function areComponentsReady(
  context: WorkerContext,
  record: SandboxRecord,
  isPreparing: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const { status } = record.sandbox;
  const { obtain } = runtimeOf(context, record);
  const obtaining = Promise.all([
    obtain('etcd', status.etcdVersion, signal),
    obtain('kube-apiserver', status.kubernetesVersion, signal),
  ]).then(() => true);
  // When it fails after this has returned, whoever asks next is told.
  obtaining.catch(() => undefined);
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), isPreparing ? glanceMs : quickMs);
  return await Promise.race([obtaining, late.promise]).finally(() => clearTimeout(timer));
}

export const available = { type: 'ComponentsReady', status: 'true', reason: 'Available' } as const;
/** What a start waits for, and the type of its entry in the history. */
export const preparing = {
  type: 'preparing',
  reason: 'Preparing',
  message: 'fetching or building; see GET /v1/versions',
} as const;
export const noRoom = {
  type: 'retrying',
  reason: 'NoDiskSpace',
  message: 'the disk of its host is nearly full; it starts once there is room',
} as const;

/** Says in the status what the start waits for, unless another host has it, or it was started meanwhile. */
export async function noteWaiting(
  { store, host }: WorkerContext,
  id: string,
  why: typeof preparing | typeof noRoom,
): Promise<void> {
  const { reason, message } = why;
  const change = (now: SandboxRecord) => {
    const { phase, host: owner } = now.sandbox.status;
    const waits = now.desired === 'running' && wantsComponents(phase) && phase !== 'ready';
    if (!waits || (owner !== null && owner !== host) || hasCondition(now, 'ComponentsReady', reason)) return null;
    return withCondition(now, { type: 'ComponentsReady', status: 'false', reason, message }, new Date());
  };
  await store.update(id, change, { why });
}
