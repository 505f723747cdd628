import type { Logger } from 'pino';
import { AppError, isAppError } from '../errors.ts';
import type { Runtime } from '../runtime/driver.ts';
import { type Credentials, createCredentials } from '../runtime/pki.ts';
import type { HealthChecks } from './health.ts';
import { type LaunchTimings, launch } from './launch.ts';
import { wantsComponents } from './phase.ts';
import { certificateNames, makePlan } from './plan.ts';
import type { PortLeases } from './port-leases.ts';
import { phaseOf, type SandboxRecord, withCondition, withFailure, withStatus } from './record.ts';
import type { Starts } from './starts.ts';
import type { Store } from './store.ts';
import type { Templates } from './templates.ts';

/** A runtime of this host with what is known about it here. */
export interface HostRuntime {
  readonly runtime: Runtime;
  /** Makes the binary or image of a component be there; throws `component_unavailable`. */
  readonly obtain: (component: string, version: string, signal: AbortSignal) => Promise<string>;
  /** What kube-apiserver listens on, where it runs. */
  readonly listenAddress: string;
}

export interface ReconcilerOptions {
  readonly host: string;
  readonly store: Store;
  readonly starts: Starts;
  readonly ports: PortLeases;
  readonly health: HealthChecks;
  readonly runtimes: ReadonlyMap<string, HostRuntime>;
  readonly templates: Templates;
  readonly wake: (sandboxId: string) => Promise<void>;
  readonly slots: number;
  readonly portRange: { readonly first: number };
  readonly advertiseHost: string;
  readonly probeHost: string;
  readonly logger: Logger;
  /** Aborted when the worker stops: what runs goes on running, and the next worker goes on from there. */
  readonly signal: AbortSignal;
}

interface Pass {
  again: boolean;
  /** Cuts a start short when the sandbox is to be deleted. */
  cut: AbortController;
  done: Promise<void>;
}

const maxAttempts = 8;
const backoffMs = (attempts: number) => Math.min(1000 * 2 ** Math.max(0, attempts - 1), 60_000);

/**
 * Brings one sandbox to what its record wants, by as many steps as can be taken now. Level-triggered: it looks at the
 * record and at what exists, never at why it was called, and may be cut off and repeated anywhere.
 */
export function createReconciler(options: ReconcilerOptions) {
  const { host, store, starts, ports, health, slots, logger } = options;
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
    mine.done = passes(id, mine).finally(() => busy.delete(id));
    await mine.done;
  }

  async function passes(id: string, mine: Pass): Promise<void> {
    while (mine.again && !options.signal.aborted) {
      mine.again = false;
      if (mine.cut.signal.aborted) mine.cut = new AbortController();
      await takeSteps(id, AbortSignal.any([mine.cut.signal, options.signal]));
    }
  }

  async function isUnwanted(id: string): Promise<boolean> {
    const stored = await store.get(id);
    return !stored || stored.record.desired === 'deleted';
  }

  async function takeSteps(id: string, signal: AbortSignal): Promise<void> {
    const stored = await store.get(id);
    if (!stored || stored.record.sandbox.status.host !== host) return;
    const { record } = stored;
    if (isExpired(record)) await store.update(id, (now) => (isExpired(now) ? { ...now, desired: 'deleted' } : null));
    if (record.desired === 'deleted' || isExpired(record)) return await remove(record);
    if (!wantsComponents(phaseOf(record)) || record.notBefore > Date.now()) return;
    if (phaseOf(record) === 'ready' && (await health.isHealthy(runtimeOf(record).runtime, record, stored.credentials)))
      return;
    await bringUp(record, stored.credentials(), signal);
  }

  async function remove(record: SandboxRecord): Promise<void> {
    const { id } = record.sandbox;
    await store.update(id, (now) =>
      phaseOf(now) === 'deleting' ? null : withStatus(now, { phase: 'deleting', endpoint: null }),
    );
    health.forget(id);
    await runtimeOf(record).runtime.remove(id);
    await store.remove(record.sandbox);
    logger.info({ sandboxId: id }, 'sandbox deleted');
    await releaseStart(id);
  }

  async function bringUp(record: SandboxRecord, credentials: Credentials | null, signal: AbortSignal): Promise<void> {
    const { id } = record.sandbox;
    let current: SandboxRecord | null = record;
    try {
      if (phaseOf(record) === 'ready') current = await store.update(id, toDegraded);
      if (!current) return;
      const obtainedAt = performance.now();
      current = await obtainComponents(current, signal);
      const componentsMs = Math.round(performance.now() - obtainedAt);
      if (!current || !(await starts.claim(host, id, slots))) return;
      await start(current, credentials, componentsMs, signal);
    } catch (error) {
      // Cut off: by a deletion, which the next look finds, or by the end of this worker.
      if (signal.aborted) return;
      await handleFailure(current ?? record, error);
    }
    if (!options.signal.aborted) await releaseStart(id);
  }

  /** Has binaries or images there before a start slot is taken: building them may take minutes. */
  async function obtainComponents(record: SandboxRecord, signal: AbortSignal): Promise<SandboxRecord | null> {
    const { id, status } = record.sandbox;
    const { obtain } = runtimeOf(record);
    const obtaining = Promise.all([
      obtain('etcd', status.etcdVersion, signal),
      obtain('kube-apiserver', status.kubernetesVersion, signal),
    ]);
    const quick = await Promise.race([obtaining, new Promise<null>((resolve) => setTimeout(resolve, 500, null))]);
    if (quick) return record;
    const message = 'fetching or building; GET /v1/versions tells how far it is';
    await store.update(id, (now) =>
      withCondition(now, { type: 'ComponentsReady', status: 'false', reason: 'Preparing', message }, new Date()),
    );
    await obtaining;
    return await store.update(id, (now) => (now.desired === 'running' ? now : null));
  }

  async function start(
    record: SandboxRecord,
    existing: Credentials | null,
    componentsMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, spec, project, createdAt } = record.sandbox;
    const queuedMs = Math.max(0, Date.now() - Date.parse(createdAt) - componentsMs);
    const names = certificateNames({ sandboxId: id, spec, advertiseHost: options.advertiseHost });
    const port = record.port ?? (await ports.lease(host, id));
    const credentials = existing ?? (await createCredentials(names));
    const begun = await store.update(id, (now) => beginStart(now, port), existing ? undefined : credentials);
    if (!begun || begun.desired === 'deleted') return;
    const { kubernetesVersion, etcdVersion } = begun.sandbox.status;
    const { runtime, listenAddress } = runtimeOf(begun);
    const plan = makePlan({
      sandboxId: id,
      project,
      spec,
      kubernetesVersion,
      etcdVersion,
      credentials,
      port,
      slot: port - options.portRange.first,
      root: runtime.root,
      bindAddress: listenAddress,
      advertiseHost: options.advertiseHost,
      templateDir: await options.templates.find(kubernetesVersion, etcdVersion),
    });
    const timings = await launch({ runtime, plan, credentials, probeHost: options.probeHost, port, signal });
    await store.update(id, (now) => toReady(now, port, { queuedMs, componentsMs, ...timings }));
    logger.info({ sandboxId: id, ...timings }, 'sandbox ready');
    // For the next of these versions; not awaited, and it tells its own failure.
    void options.templates.ensure(kubernetesVersion, etcdVersion);
  }

  function beginStart(record: SandboxRecord, port: number): SandboxRecord | null {
    if (record.desired === 'deleted') return null;
    const begun = { ...record, port, attempts: record.attempts + 1 };
    return phaseOf(record) === 'degraded' ? begun : withStatus(begun, { phase: 'provisioning' });
  }

  function toReady(
    record: SandboxRecord,
    port: number,
    timings: LaunchTimings & { queuedMs: number; componentsMs: number },
  ) {
    if (record.desired === 'deleted') return null;
    const endpoint = `https://${options.advertiseHost.includes(':') ? `[${options.advertiseHost}]` : options.advertiseHost}:${port}`;
    const totalMs = Math.max(0, Date.now() - Date.parse(record.sandbox.createdAt));
    const first = !record.wasReady;
    const ready = withStatus(
      { ...record, wasReady: true, attempts: 0, notBefore: 0 },
      { phase: 'ready', endpoint, failure: null, ...(first ? { timings: { ...timings, totalMs } } : {}) },
    );
    const now = new Date();
    return (
      [
        { type: 'ComponentsReady', reason: 'Available' },
        { type: 'EtcdReady', reason: 'Accepting' },
        { type: 'ApiServerReady', reason: 'WriteAccepted' },
      ] as const
    ).reduce((changed, condition) => withCondition(changed, { ...condition, status: 'true' }, now), ready);
  }

  function toDegraded(record: SandboxRecord): SandboxRecord | null {
    if (record.desired === 'deleted' || phaseOf(record) !== 'ready') return null;
    const degraded = withStatus(record, { phase: 'degraded', restarts: record.sandbox.status.restarts + 1 });
    const condition = { type: 'ApiServerReady', status: 'false', reason: 'NotAnswering' } as const;
    return withCondition(degraded, { ...condition, message: 'being restarted' }, new Date());
  }

  /** A start that failed: nothing keeps running; then once more later, or for good. The first cause is what is told. */
  async function handleFailure(record: SandboxRecord, error: unknown): Promise<void> {
    const { id } = record.sandbox;
    const cause = error instanceof AppError ? error : new AppError('internal', 'The start failed.', { cause: error });
    const stored = await store.get(id);
    if (!stored || stored.record.desired === 'deleted') return;
    const { attempts, wasReady, port } = stored.record;
    const again = wasReady || (isTransient(cause) && attempts < maxAttempts);
    logger.warn({ sandboxId: id, attempts, err: error }, again ? 'start failed, will try again' : 'start failed');
    await stopAll(stored.record);
    if (port !== null && isAppError(cause, 'port_taken')) await ports.release(host, id, port);
    const pause = isAppError(cause, 'port_taken') ? 0 : backoffMs(attempts);
    await store.update(id, (now) => {
      if (now.desired === 'deleted') return null;
      const freed = isAppError(cause, 'port_taken') ? { ...now, port: null } : now;
      return again ? { ...freed, notBefore: Date.now() + pause } : withFailure(freed, failureOf(cause));
    });
    if (again) wakeLater(id, pause);
  }

  async function stopAll(record: SandboxRecord): Promise<void> {
    const { runtime } = runtimeOf(record);
    // In reverse: kube-apiserver takes long to stop once its etcd is gone.
    for (const component of ['kube-apiserver', 'etcd']) {
      await runtime.stop(record.sandbox.id, component, 5000).catch((error: unknown) => {
        logger.error({ sandboxId: record.sandbox.id, component, err: error }, 'could not be stopped');
      });
    }
  }

  async function releaseStart(id: string): Promise<void> {
    for (const next of await starts.release(host, id, slots)) await options.wake(next);
  }

  function wakeLater(id: string, pauseMs: number): void {
    // Should this be lost, the sweep finds the record.
    setTimeout(() => options.wake(id).catch(() => undefined), pauseMs).unref();
  }

  function runtimeOf(record: SandboxRecord): HostRuntime {
    const { runtime } = record.sandbox.status;
    const found = options.runtimes.get(runtime);
    if (found) return found;
    throw new AppError('runtime_unavailable', `The runtime ${runtime} does not answer on ${host}.`);
  }

  /** Resolves when no pass is under way any more. */
  async function settled(): Promise<void> {
    while (busy.size > 0) await Promise.allSettled([...busy.values()].map((pass) => pass.done));
  }

  return { reconcile, settled };
}

function isExpired(record: SandboxRecord): boolean {
  const { expiresAt } = record.sandbox;
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now();
}

function isTransient(error: AppError): boolean {
  return isAppError(error, 'port_taken') || isAppError(error, 'runtime_unavailable');
}

function failureOf(error: AppError) {
  return { code: error.code, message: error.message, component: error.component ?? null, logTail: [...error.logTail] };
}
