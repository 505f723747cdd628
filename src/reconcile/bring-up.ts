import { authorityOf } from '../config/authority.ts';
import { isAppError } from '../errors.ts';
import { type Credentials, createCredentials } from '../runtime/pki.ts';
import { answering, withoutAway, writeAccepted } from '../sandbox/api-server-condition.ts';
import { wantsComponents } from '../sandbox/phase.ts';
import { certificateNames, makePlan } from '../sandbox/plan.ts';
import { hasCondition, type SandboxRecord, withCondition, withStatus } from '../sandbox/record.ts';
import { available } from './components-ready.ts';
import { noSpace, space } from './etcd-space.ts';
import { handleFailure, type TryAgainAt } from './failure.ts';
import { isOwn, runtimeOf, updateOwn, type WorkerContext } from './worker-context.ts';

export interface BringUpOptions {
  /** As it was when this host was free to claim it. */
  readonly record: SandboxRecord;
  /** Those that the record has. */
  readonly credentials: Credentials | null;
  /** How long it took until binaries or images were there. */
  readonly componentsMs: number;
  /** Aborts when the sandbox is to be deleted, or this worker stops. */
  readonly signal: AbortSignal;
}

/**
 * Claims a sandbox for this host and brings it up, for the first time or again. What fails is handled here and not thrown.
 * Returns when to try again.
 */
export async function bringUp(context: WorkerContext, options: BringUpOptions): Promise<TryAgainAt> {
  const { record, signal } = options;
  try {
    await start(context, options);
  } catch (error) {
    // Cut off: by a deletion, which is the next step, or by the end of this worker.
    if (signal.aborted) return null;
    return await handleFailure(context, record.sandbox.id, error);
  }
  return null;
}

async function start(
  context: WorkerContext,
  { record, credentials, componentsMs, signal }: BringUpOptions,
): Promise<void> {
  const { id, createdAt, status } = record.sandbox;
  const queuedMs = Math.max(0, Date.now() - Date.parse(createdAt) - componentsMs);
  const begun = await claim(context, record, credentials);
  if (!begun) return;
  const timings = await launchPair(context, begun, signal);
  const after = await updateOwn(context, id, (now) =>
    toReady(now, begun.port, context.advertiseHost, { queuedMs, componentsMs, ...timings }),
  );
  if (!after || !isOwn(after, context.host)) return;
  // What its checks have counted before is of what ran before.
  context.health.forget(id);
  context.logger.info({ sandboxId: id, ...timings }, 'sandbox ready');
  // For the next of these versions; not awaited, and it tells its own failure.
  void context.templates.ensure(status.kubernetesVersion, status.etcdVersion);
}

interface Begun {
  readonly record: SandboxRecord;
  readonly port: number;
  readonly credentials: Credentials;
}

/**
 * Puts this host, a port and credentials on the record before anything is started with them, by one compare-and-swap: of
 * several hosts that take it, one does, and of several sandboxes that take a port. Null when another host has it, or when
 * it is not wanted any more.
 */
async function claim(
  context: WorkerContext,
  record: SandboxRecord,
  existing: Credentials | null,
): Promise<Begun | null> {
  const { store, ports, host, advertiseHost } = context;
  const { id, spec, status } = record.sandbox;
  const { host: owner } = status;
  const isOld = owner === host;
  const leased = isOld ? record.port : null;
  // Those of another host may name another address.
  const kept = isOld ? existing : null;
  const [port, credentials] = await Promise.all([
    leased ?? ports.find(host),
    kept ?? createCredentials(certificateNames({ sandboxId: id, spec, advertiseHost })),
  ]);
  // What was ready meanwhile has its data where it is.
  const isFree = (now: SandboxRecord) => now.sandbox.status.host === owner && (isOld || !now.wasReady);
  const change = (now: SandboxRecord) => (isFree(now) ? toClaimed(now, host, port) : null);
  try {
    const stored = await store.update(id, change, kept ? {} : { credentials });
    return stored && isOwn(stored, host) && stored.port === port ? { record: stored, port, credentials } : null;
  } catch (error) {
    if (!isAppError(error, 'port_taken')) throw error;
    return await claim(context, { ...record, port: null }, existing);
  }
}

function toClaimed(record: SandboxRecord, host: string, port: number): SandboxRecord | null {
  const { phase, host: before } = record.sandbox.status;
  if (record.desired === 'deleted' || !wantsComponents(phase)) return null;
  const attempts = before === null || before === host ? record.attempts + 1 : 1;
  const claimed = withoutAway({ ...record, port, attempts });
  return withStatus(claimed, phase === 'degraded' ? { host } : { host, phase: 'provisioning' });
}

async function launchPair(context: WorkerContext, { record, port, credentials }: Begun, signal: AbortSignal) {
  const { advertiseHost, probeHost, templates } = context;
  const { wasReady, attempts } = record;
  const { id, project, name, labels, spec, status } = record.sandbox;
  const { kubernetesVersion, etcdVersion } = status;
  const { runtime, listenAddress, ownAddresses } = runtimeOf(context, record);
  const plan = makePlan({
    sandboxId: id,
    project,
    name,
    labels,
    spec,
    kubernetesVersion,
    etcdVersion,
    credentials,
    port,
    root: runtime.root,
    bindAddress: listenAddress,
    advertiseHost,
    ownAddresses: ownAddresses(),
    templateDir: await templates.find(kubernetesVersion, etcdVersion),
    wasReady,
  });
  // A try before this one may have begun without a template, and been cut off in the middle of its boot.
  const hasBooted = wasReady || (plan.templateDir !== null && attempts === 1);
  return await context.launch({ runtime, plan, credentials, probeHost, port, hasBooted, wasReady, signal });
}

function toReady(
  record: SandboxRecord,
  port: number,
  advertiseHost: string,
  timings: NonNullable<SandboxRecord['sandbox']['status']['timings']>,
): SandboxRecord {
  const now = new Date();
  const endpoint = `https://${authorityOf(advertiseHost, port)}`;
  const totalMs = Math.max(0, now.getTime() - Date.parse(record.sandbox.createdAt));
  const ready = withStatus(
    { ...record, wasReady: true, attempts: 0, notBefore: 0 },
    { phase: 'ready', endpoint, failure: null, ...(record.wasReady ? {} : { timings: { ...timings, totalMs } }) },
  );
  const { wasReady } = record;
  const isFull = hasCondition(record, 'EtcdReady', noSpace.reason);
  const conditions = [
    available,
    // A restart makes no space.
    { type: 'EtcdReady', ...(isFull ? noSpace : space) },
    wasReady ? answering : writeAccepted,
  ] as const;
  return conditions.reduce((changed, one) => withCondition(changed, one, now), ready);
}
