import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { AppError } from '../errors.ts';
import { preparedMark, sandboxArchive } from './docker-archive.ts';
import { asPassing, type ContainerInfo, call, labels, orNull, statusOf, tolerating } from './docker-client.ts';
import { containerOptions, objectName, sandboxLabels } from './docker-container.ts';
import { hasLogged, lastLines, openLog } from './docker-logs.ts';
import { ensureNetwork } from './docker-network.ts';
import { removeContainer, removeVolume } from './docker-removal.ts';
import {
  type ComponentSpec,
  type LogOptions,
  logTailLines,
  type ObservedComponent,
  type ObservedSandbox,
  type Runtime,
  type SandboxPlan,
  sandboxIdPattern,
} from './driver.ts';

const acceptTimeoutMs = 30_000;
const root = '/sandboxes';

interface DockerRuntimeOptions {
  readonly docker: Docker;
  /** In the labels of every object, as several services may share a daemon. */
  readonly owner: string;
  /** Where the ports of sandboxes are published. */
  readonly bindAddress: string;
  readonly imageOf: (component: string, version: string, signal?: AbortSignal) => Promise<string>;
}

/**
 * Components as containers: etcd without a network, its socket on a volume that it shares with kube-apiserver. Names
 * follow from the sandbox id, so that only one of several creates succeeds; labels tell what exists. Limits of a component
 * are applied.
 */
export function createDockerRuntime({ docker, owner, bindAddress, imageOf }: DockerRuntimeOptions): Runtime {
  const containerOf = (id: string, component: string) => docker.getContainer(objectName(checked(id), component));

  /** The containers that `prepare` is still making in the background, by name. */
  const underWay = new Map<string, Promise<void>>();

  async function prepare(plan: SandboxPlan, signal: AbortSignal): Promise<void> {
    const [first] = plan.components;
    if (!first) throw new Error('a plan has components');
    // No error when the volume exists already.
    await call(docker.createVolume({ Name: objectName(checked(plan.sandboxId)), Labels: sandboxLabels(owner, plan) }));
    await ensureContainer(plan, first, signal);
    // The others are made while the first is filled and started, as each takes the daemon a tenth of a second.
    for (const component of plan.components.slice(1)) makeAhead(plan, component, signal);
    await fill(plan, containerOf(plan.sandboxId, first.name));
  }

  function makeAhead(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): void {
    const name = objectName(plan.sandboxId, component.name);
    // An error is left to `start`, which makes the container again and throws when that fails too.
    const made = ensureContainer(plan, component, signal).catch(() => undefined);
    underWay.set(name, made);
    void made.then(() => underWay.delete(name));
  }

  /** Copies the files in, and the etcd data once: the mark arrives last, so that a copy that was cut short is made again. */
  async function fill(plan: SandboxPlan, container: Docker.Container): Promise<void> {
    const mark = await orNull(container.infoArchive({ path: `${root}/${plan.sandboxId}/${preparedMark}` }));
    // Whether it exists is all that is asked: the body would keep its connection until it is read.
    (mark as Readable | null)?.destroy();
    const archive = await sandboxArchive(plan, mark === null);
    await call(container.putArchive(archive as never, { path: root }));
  }

  /** Makes the container unless one with the same spec exists, running or not; one with another spec is replaced. */
  async function ensureContainer(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): Promise<void> {
    const image = await imageOf(component.name, component.version, signal);
    const found = await orNull(containerOf(plan.sandboxId, component.name).inspect());
    if (found?.Config.Labels[labels.specHash] === component.specHash) return;
    if (found) {
      await stop(plan.sandboxId, component.name, component.stopGraceMs);
      await removeContainer(docker, found.Id);
    }
    signal.throwIfAborted();
    if (component.port !== null) await ensureNetwork(docker, owner);
    // 409: another call was faster. It had the same record and so the same spec.
    await tolerating([409], docker.createContainer(containerOptions({ plan, component, image, owner, bindAddress })));
  }

  async function start(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): Promise<void> {
    await underWay.get(objectName(plan.sandboxId, component.name));
    await ensureContainer(plan, component, signal);
    const container = containerOf(plan.sandboxId, component.name);
    try {
      await tolerating([304], container.start());
    } catch (error) {
      if (!/port is already allocated|address already in use/i.test(String((error as Error).message))) {
        throw asPassing(error);
      }
      // The daemon leaves the container behind in the state `created`.
      await removeContainer(docker, objectName(plan.sandboxId, component.name));
      throw new AppError('port_taken', `Port ${component.port} is taken by another program.`, { cause: error });
    }
    await waitUntilAccepting(container, component, signal);
  }

  async function observe(sandboxId?: string): Promise<ObservedSandbox[]> {
    const label = [`${labels.owner}=${owner}`, ...(sandboxId ? [`${labels.sandbox}=${checked(sandboxId)}`] : [])];
    const [containers, volumes] = await Promise.all([
      call(docker.listContainers({ all: true, filters: { label } })),
      call(docker.listVolumes({ filters: { label } })),
    ]);
    const found = new Map<string, ObservedComponent[]>();
    for (const volume of volumes.Volumes ?? []) found.set(volume.Labels?.[labels.sandbox] ?? '', []);
    for (const info of containers) {
      const id = info.Labels[labels.sandbox] ?? '';
      found.set(id, [...(found.get(id) ?? []), observed(info)]);
    }
    const known = [...found].filter(([id]) => sandboxIdPattern.test(id));
    return known.map(([id, components]) => ({ sandboxId: id, components }));
  }

  async function stop(id: string, component: string, graceMs: number): Promise<void> {
    const seconds = Math.max(1, Math.ceil(graceMs / 1000));
    await tolerating([304, 404], containerOf(id, component).stop({ t: seconds }));
  }

  async function remove(id: string): Promise<void> {
    await Promise.all(
      [...underWay].filter(([name]) => name.startsWith(objectName(checked(id)))).map(([, made]) => made),
    );
    const label = [`${labels.owner}=${owner}`, `${labels.sandbox}=${id}`];
    const containers = await call(docker.listContainers({ all: true, filters: { label } }));
    await Promise.all(containers.map((info) => removeContainer(docker, info.Id)));
    await removeVolume(docker, objectName(id));
  }

  async function logs(id: string, component: string, options: LogOptions): Promise<AsyncIterable<Buffer>> {
    try {
      return await openLog(containerOf(id, component), options);
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      throw new AppError('logs_unavailable', 'This component has not written a log yet.');
    }
  }

  // The daemon does it, as each container asks for.
  const rotateLogs = async () => {};
  return { name: 'docker', root, prepare, start, observe, stop, remove, logs, rotateLogs };
}

/** Waits for the log text by which the component tells that it accepts connections; returns at once when it has none. */
async function waitUntilAccepting(
  container: Docker.Container,
  { name, accepts }: ComponentSpec,
  signal: AbortSignal,
): Promise<void> {
  if (!accepts) return;
  const timeout = AbortSignal.timeout(acceptTimeoutMs);
  if (await hasLogged(container, accepts.logText, AbortSignal.any([signal, timeout]))) return;
  signal.throwIfAborted();
  const logTail = await lastLines(container, logTailLines);
  if (timeout.aborted) {
    const message = `${name} did not accept connections within ${acceptTimeoutMs / 1000} s.`;
    throw new AppError('component_timeout', message, { component: name, logTail });
  }
  const inspected = await orNull(container.inspect());
  const message = `${name} exited with code ${inspected?.State.ExitCode}.`;
  throw new AppError('component_exited', message, { component: name, logTail });
}

/** Throws unless it is a sandbox id: it becomes part of URL paths of the Engine API, which dockerode does not escape. */
function checked(id: string): string {
  if (!sandboxIdPattern.test(id)) throw new Error('not a sandbox id');
  return id;
}

function observed(info: ContainerInfo): ObservedComponent {
  const exitCode = /^Exited \((\d+)\)/.exec(info.Status)?.[1];
  return {
    name: info.Labels[labels.component] ?? '',
    state: info.State === 'running' ? 'running' : 'exited',
    specHash: info.Labels[labels.specHash] ?? '',
    exitCode: exitCode === undefined ? null : Number(exitCode),
    pid: null,
  };
}
