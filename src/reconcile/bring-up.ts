import { type Credentials, createCredentials } from '../runtime/pki.ts';
import { certificateNames, makePlan } from '../sandbox/plan.ts';
import { phaseOf, type SandboxRecord, withCondition, withStatus } from '../sandbox/record.ts';
import type { Claim } from './claim.ts';
import { handleFailure, type TryAgainAt } from './failure.ts';
import { isOwn, runtimeOf, updateOwn, type WorkerContext } from './worker-context.ts';

export interface BringUpOptions {
  readonly claim: Claim;
  /** Those that the record has. */
  readonly credentials: Credentials | null;
  /** How long it took until binaries or images were there. */
  readonly componentsMs: number;
  /** Aborts when the sandbox is to be deleted, or this worker stops. */
  readonly signal: AbortSignal;
}

/**
 * Brings up a sandbox that this host has taken, for the first time or again. What fails is handled here and not thrown.
 * Returns when to try again.
 */
export async function bringUp(context: WorkerContext, options: BringUpOptions): Promise<TryAgainAt> {
  const { claim, signal } = options;
  const { id } = claim.record.sandbox;
  try {
    await start(context, options);
  } catch (error) {
    // Cut off: by a deletion, which is the next step, or by the end of this worker.
    if (signal.aborted) return null;
    return await handleFailure(context, id, error);
  }
  return null;
}

async function start(
  context: WorkerContext,
  { claim: { record, isOld }, credentials, componentsMs, signal }: BringUpOptions,
): Promise<void> {
  const { id, createdAt, status } = record.sandbox;
  const queuedMs = Math.max(0, Date.now() - Date.parse(createdAt) - componentsMs);
  // Those that another host had made may name another address.
  const begun = await begin(context, record, isOld ? credentials : null);
  if (!begun) return;
  const timings = await launchPair(context, begun, signal);
  const after = await updateOwn(context, id, (now) =>
    toReady(now, begun.port, context.advertiseHost, { queuedMs, componentsMs, ...timings }),
  );
  if (!after || !isOwn(after, context.host)) return;
  context.logger.info({ sandboxId: id, ...timings }, 'sandbox ready');
  // For the next of these versions; not awaited, and it tells its own failure.
  void context.templates.ensure(status.kubernetesVersion, status.etcdVersion);
}

interface Begun {
  readonly record: SandboxRecord;
  readonly port: number;
  readonly credentials: Credentials;
}

/** Puts port and credentials on the record before anything is started with them. Null when it is not this host's any more. */
async function begin(
  context: WorkerContext,
  record: SandboxRecord,
  existing: Credentials | null,
): Promise<Begun | null> {
  const { ports, host, advertiseHost } = context;
  const { id, spec } = record.sandbox;
  const names = certificateNames({ sandboxId: id, spec, advertiseHost });
  const [port, credentials] = await Promise.all([
    record.port ?? ports.lease(host, id),
    existing ?? createCredentials(names),
  ]);
  const stored = await updateOwn(context, id, (now) => toBegun(now, port), existing ? {} : { credentials });
  return stored && isOwn(stored, host) ? { record: stored, port, credentials } : null;
}

function toBegun(record: SandboxRecord, port: number): SandboxRecord {
  const begun = { ...record, port, attempts: record.attempts + 1 };
  return phaseOf(record) === 'degraded' ? begun : withStatus(begun, { phase: 'provisioning' });
}

async function launchPair(context: WorkerContext, { record, port, credentials }: Begun, signal: AbortSignal) {
  const { advertiseHost, probeHost, portRange, templates } = context;
  const { id, project, spec, status } = record.sandbox;
  const { kubernetesVersion, etcdVersion } = status;
  const { runtime, listenAddress } = runtimeOf(context, record);
  const plan = makePlan({
    sandboxId: id,
    project,
    spec,
    kubernetesVersion,
    etcdVersion,
    credentials,
    port,
    userOffset: port - portRange.first,
    root: runtime.root,
    bindAddress: listenAddress,
    advertiseHost,
    templateDir: await templates.find(kubernetesVersion, etcdVersion),
  });
  return await context.launch({ runtime, plan, credentials, probeHost, port, signal });
}

function toReady(
  record: SandboxRecord,
  port: number,
  advertiseHost: string,
  timings: NonNullable<SandboxRecord['sandbox']['status']['timings']>,
): SandboxRecord {
  const now = new Date();
  const endpoint = `https://${advertiseHost.includes(':') ? `[${advertiseHost}]` : advertiseHost}:${port}`;
  const totalMs = Math.max(0, now.getTime() - Date.parse(record.sandbox.createdAt));
  const ready = withStatus(
    { ...record, wasReady: true, attempts: 0, notBefore: 0 },
    { phase: 'ready', endpoint, failure: null, ...(record.wasReady ? {} : { timings: { ...timings, totalMs } }) },
  );
  const conditions = [
    { type: 'ComponentsReady', reason: 'Available' },
    { type: 'EtcdReady', reason: 'Accepting' },
    { type: 'ApiServerReady', reason: 'WriteAccepted' },
  ] as const;
  return conditions.reduce((changed, one) => withCondition(changed, { ...one, status: 'true' }, now), ready);
}
