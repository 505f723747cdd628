import { AppError, isAppError } from '../errors.ts';
import { componentExited, type Exit } from '../runtime/component-errors.ts';
import { type ComponentSpec, logTailLines, type Runtime, type SandboxPlan } from '../runtime/driver.ts';
import { sniName } from '../runtime/kubeconfig.ts';
import type { Credentials } from '../runtime/pki.ts';
import { createKubeClient, type KubeClient, readyPath, readyPathWithAllHooks, waitUntil } from '../runtime/probe.ts';
import { writeFirstObjects } from './first-write.ts';

export interface LaunchOptions {
  readonly runtime: Runtime;
  readonly plan: SandboxPlan;
  readonly credentials: Credentials;
  /** Where this worker reaches the API server. */
  readonly probeHost: string;
  readonly port: number;
  /** Its data is of a server that has booted to the end: its own, or the one that made its template. */
  readonly hasBooted: boolean;
  /** It has been ready before. */
  readonly wasReady: boolean;
  readonly signal: AbortSignal;
}

/** Which API server, and with what. */
type Target = Pick<LaunchOptions, 'credentials' | 'probeHost' | 'port'> & {
  readonly plan: Pick<SandboxPlan, 'sandboxId'>;
};

export interface LaunchTimings {
  readonly etcdMs: number;
  readonly apiServerMs: number;
  readonly firstWriteMs: number;
}

const readyTimeoutMs = 120_000;

/**
 * Brings a sandbox up, or finishes what an earlier call began: etcd first, kube-apiserver when etcd accepts (a first
 * dial that fails costs it a second of back-off), then, at its first start, a real write with the user's own credential.
 * What has been ready once is ready again when its API server says so: by now, policies of the user may refuse any write.
 * Throws what the runtime throws, `component_exited`, `component_timeout`, `etcd_unreachable`, `port_taken`.
 */
export async function launch(options: LaunchOptions): Promise<LaunchTimings> {
  const { runtime, plan, signal } = options;
  await runtime.prepare(plan, signal);
  // Not every runtime can be cut off in the middle of this.
  signal.throwIfAborted();
  const started = performance.now();
  const [etcd, ...others] = plan.components;
  if (!etcd) throw new Error('a plan begins with etcd');
  if (options.wasReady) await stopWithoutEtcd(options, etcd);
  await runtime.start(plan, etcd, signal);
  const etcdUp = performance.now();
  for (const component of others) {
    signal.throwIfAborted();
    await runtime.start(plan, component, signal);
  }
  const client = adminClient(options);
  try {
    await waitForApiServer(client, options);
    const answered = performance.now();
    if (!options.wasReady) await firstWrite(client, options);
    return {
      etcdMs: Math.round(etcdUp - started),
      apiServerMs: Math.round(answered - etcdUp),
      firstWriteMs: Math.round(performance.now() - answered),
    };
  } finally {
    client.close();
  }
}

/**
 * An API server that lost its etcd asks for it in growing pauses, and finds the next one only after up to a minute: one that
 * is started after its etcd is ready in seconds.
 */
async function stopWithoutEtcd({ runtime, plan }: LaunchOptions, etcd: ComponentSpec): Promise<void> {
  const [observed] = await runtime.observe(plan.sandboxId);
  const running = (observed?.components ?? []).filter(({ state }) => state === 'running');
  if (running.some(({ name, specHash }) => name === etcd.name && specHash === etcd.specHash)) return;
  const others = running.filter(({ name }) => name !== etcd.name);
  // It could not finish anything without its etcd: there is nothing to wait for.
  for (const { name } of others) await runtime.stop(plan.sandboxId, name, 0);
}

/** A client with the user's own credential. */
export function adminClient({ plan, credentials, probeHost, port }: Target): KubeClient {
  return createKubeClient({
    host: probeHost,
    port,
    servername: sniName(plan.sandboxId),
    ca: credentials.caCert,
    identity: { cert: credentials.adminCert, key: credentials.adminKey },
  });
}

async function waitForApiServer(client: KubeClient, options: LaunchOptions): Promise<void> {
  let lastAnswer = '';
  // Data that has never been booted lacks what the hooks make, as the roles of RBAC.
  const path = options.hasBooted ? readyPath : readyPathWithAllHooks;
  const ask = async () => {
    // One that does not answer is not ready yet: it is asked again.
    const answer = await client.send('GET', path).catch(() => null);
    lastAnswer = answer?.body ?? '';
    return answer?.status === 200;
  };
  try {
    await waitForComponents(ask, 'kube-apiserver did not become ready', options);
  } catch (error) {
    if (isAppError(error, 'component_timeout') && lastAnswer.includes('[-]etcd')) throw etcdUnreachable(error);
    throw error;
  }
}

async function waitForComponents(ask: () => Promise<boolean>, what: string, options: LaunchOptions): Promise<void> {
  const stillPossible = () => throwIfExited(options);
  await waitUntil(ask, { what, timeoutMs: readyTimeoutMs, everyMs: 10, signal: options.signal, stillPossible });
}

async function firstWrite(client: KubeClient, options: LaunchOptions): Promise<void> {
  const { plan, port } = options;
  const address = await endpointAddress(options);
  const ask = () => writeFirstObjects(client, { ...plan.kubernetesService, address, port });
  await waitForComponents(ask, 'the first write was not accepted', options);
}

async function endpointAddress({ runtime, plan }: LaunchOptions): Promise<string | null> {
  const { endpoint } = plan.kubernetesService;
  if (endpoint !== 'assigned') return endpoint;
  const [observed] = await runtime.observe(plan.sandboxId);
  return observed?.components.find(({ name }) => name === 'kube-apiserver')?.address ?? null;
}

/** Throws when a component cannot be reached, or has ended, with its last lines; etcd before kube-apiserver, as the likelier cause. */
async function throwIfExited({ runtime, plan }: LaunchOptions): Promise<void> {
  const [observed] = await runtime.observe(plan.sandboxId);
  for (const { name } of plan.components) {
    const found = observed?.components.find((component) => component.name === name);
    if (found?.state === 'running') continue;
    if (found?.state === 'unreachable') {
      throw new AppError('runtime_unavailable', `${name} was cut off its network.`, { component: name });
    }
    const logTail = await readTail(runtime, plan.sandboxId, name);
    throw exitError(name, found ?? { exitCode: null }, logTail);
  }
}

function exitError(component: string, exit: Exit, logTail: string[]): AppError {
  const text = logTail.join('\n');
  if (/address already in use/.test(text))
    return new AppError('port_taken', 'The port was taken.', { component, logTail });
  const error = componentExited(component, exit, logTail);
  if (component === 'kube-apiserver' && /Unable to create storage backend|error creating storage factory/i.test(text)) {
    return etcdUnreachable(error);
  }
  return error;
}

function etcdUnreachable(cause: AppError): AppError {
  return new AppError('etcd_unreachable', `kube-apiserver cannot reach etcd: ${cause.message}`, {
    cause,
    component: 'etcd',
    logTail: cause.logTail,
  });
}

async function readTail(runtime: Runtime, id: string, component: string): Promise<string[]> {
  const options = { tail: logTailLines, follow: false, signal: new AbortController().signal };
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of await runtime.logs(id, component, options)) chunks.push(chunk);
  } catch (error) {
    if (!isAppError(error, 'logs_unavailable')) throw error;
  }
  return Buffer.concat(chunks).toString('utf8').split('\n').filter(Boolean).slice(-logTailLines);
}
