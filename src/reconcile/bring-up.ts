import { type Credentials, createCredentials } from '../runtime/pki.ts';
import { certificateNames, makePlan } from '../sandbox/plan.ts';
import { phaseOf, type SandboxRecord, withCondition, withStatus } from '../sandbox/record.ts';
import { handleFailure } from './failure.ts';
import { runtimeOf, type WorkerContext } from './worker-context.ts';

const quickMs = 500;

/** Brings a sandbox up, for the first time or again. What fails is handled here and not thrown. */
export async function bringUp(
  context: WorkerContext,
  record: SandboxRecord,
  credentials: Credentials | null,
  signal: AbortSignal,
): Promise<void> {
  const { id } = record.sandbox;
  try {
    if (!(await start(context, record, credentials, signal))) return;
  } catch (error) {
    // Cut off: by a deletion, which the next look finds, or by the end of this worker.
    if (signal.aborted) return;
    await handleFailure(context, id, error);
  }
  if (!context.signal.aborted) await context.dispatcher.release('starts', id);
}

/** False when it is not its turn yet, or not wanted any more. */
async function start(
  context: WorkerContext,
  record: SandboxRecord,
  existing: Credentials | null,
  signal: AbortSignal,
): Promise<boolean> {
  const { store, dispatcher } = context;
  const { id, project } = record.sandbox;
  if (phaseOf(record) === 'ready') await store.update(id, toDegraded);
  if (!(await dispatcher.claimStart(project, id))) return false;
  const began = performance.now();
  const obtained = await obtainComponents(context, record, signal);
  const componentsMs = Math.round(performance.now() - began);
  if (obtained === 'late' && !(await dispatcher.claimStart(project, id))) return false;
  const queuedMs = Math.max(0, Date.now() - Date.parse(record.sandbox.createdAt) - componentsMs);
  const begun = await begin(context, record, existing);
  if (!begun) return false;
  const timings = await launchPair(context, begun, signal);
  await store.update(id, (now) =>
    toReady(now, begun.port, context.advertiseHost, { queuedMs, componentsMs, ...timings }),
  );
  context.logger.info({ sandboxId: id, ...timings }, 'sandbox ready');
  // For the next of these versions; not awaited, and it tells its own failure.
  const { kubernetesVersion, etcdVersion } = record.sandbox.status;
  void context.templates.ensure(kubernetesVersion, etcdVersion);
  return true;
}

/** Has binaries or images there. Building them may take minutes: when they are late, the place is given to others. */
async function obtainComponents(
  context: WorkerContext,
  record: SandboxRecord,
  signal: AbortSignal,
): Promise<'at once' | 'late'> {
  const { id, status } = record.sandbox;
  const { obtain } = runtimeOf(context, record);
  const obtaining = Promise.all([
    obtain('etcd', status.etcdVersion, signal),
    obtain('kube-apiserver', status.kubernetesVersion, signal),
  ]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, quickMs, 'late');
  });
  const first = await Promise.race([obtaining, late]).finally(() => clearTimeout(timer));
  if (first !== 'late') return 'at once';
  const why = {
    type: 'preparing',
    reason: 'Preparing',
    message: 'fetching or building; see GET /v1/versions',
  } as const;
  const { reason, message } = why;
  await context.store.update(
    id,
    (now) => withCondition(now, { type: 'ComponentsReady', status: 'false', reason, message }, new Date()),
    { why },
  );
  await context.dispatcher.release('starts', id);
  await obtaining;
  return 'late';
}

interface Begun {
  readonly record: SandboxRecord;
  readonly port: number;
  readonly credentials: Credentials;
}

/** Puts port and credentials on the record before anything is started with them. Null when it is to be deleted. */
async function begin(
  context: WorkerContext,
  record: SandboxRecord,
  existing: Credentials | null,
): Promise<Begun | null> {
  const { store, ports, host, advertiseHost } = context;
  const { id, spec } = record.sandbox;
  const names = certificateNames({ sandboxId: id, spec, advertiseHost });
  const [port, credentials] = await Promise.all([
    record.port ?? ports.lease(host, id),
    existing ?? createCredentials(names),
  ]);
  const stored = await store.update(id, (now) => toBegun(now, port), existing ? {} : { credentials });
  return stored?.desired === 'running' ? { record: stored, port, credentials } : null;
}

function toBegun(record: SandboxRecord, port: number): SandboxRecord | null {
  if (record.desired === 'deleted') return null;
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
): SandboxRecord | null {
  if (record.desired === 'deleted') return null;
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

function toDegraded(record: SandboxRecord): SandboxRecord | null {
  if (record.desired === 'deleted' || phaseOf(record) !== 'ready') return null;
  const degraded = withStatus(record, { phase: 'degraded', restarts: record.sandbox.status.restarts + 1 });
  const condition = { type: 'ApiServerReady', status: 'false', reason: 'NotAnswering' } as const;
  return withCondition(degraded, { ...condition, message: 'being restarted' }, new Date());
}
