import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { AppError } from '../errors.ts';
import { preparedMark, sandboxArchive } from './docker-archive.ts';
import {
  asPassing,
  type ContainerInfo,
  call,
  following,
  labels,
  orNull,
  payloads,
  rawLogs,
  statusOf,
  tolerating,
} from './docker-client.ts';
import { containerOptions, networkName, objectName, sandboxLabels } from './docker-container.ts';
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
const removalTimeoutMs = 30_000;
const root = '/sandboxes';

interface DockerRuntimeOptions {
  readonly docker: Docker;
  /** On every object: several services may share a daemon. */
  readonly owner: string;
  /** Where the ports of sandboxes are published. */
  readonly bindAddress: string;
  readonly imageOf: (component: string, version: string, signal?: AbortSignal) => Promise<string>;
}

/**
 * Components as containers: etcd without a network, its socket on a volume that it shares with kube-apiserver. Names
 * follow from the id, so that of several creates one wins; labels tell what is there.
 */
export function createDockerRuntime({ docker, owner, bindAddress, imageOf }: DockerRuntimeOptions): Runtime {
  const containerOf = (id: string, component: string) => docker.getContainer(objectName(checked(id), component));

  /** Containers that are being made, by name. */
  const underWay = new Map<string, Promise<void>>();

  async function prepare(plan: SandboxPlan, signal: AbortSignal): Promise<void> {
    const [first] = plan.components;
    if (!first) throw new Error('a plan has components');
    // Making a volume that is there is no error.
    await call(docker.createVolume({ Name: objectName(checked(plan.sandboxId)), Labels: sandboxLabels(owner, plan) }));
    await ensureContainer(plan, first, signal);
    // The others are made while the first is filled and started: each takes the daemon a tenth of a second.
    for (const component of plan.components.slice(1)) makeAhead(plan, component, signal);
    await fill(plan, containerOf(plan.sandboxId, first.name));
  }

  function makeAhead(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): void {
    const name = objectName(plan.sandboxId, component.name);
    // What fails here fails again at its start, where it is told.
    const made = ensureContainer(plan, component, signal).catch(() => undefined);
    underWay.set(name, made);
    void made.then(() => underWay.delete(name));
  }

  /** Etcd data is begun once: the mark arrives last, so a copy cut short is made again. */
  async function fill(plan: SandboxPlan, container: Docker.Container): Promise<void> {
    const mark = await orNull(container.infoArchive({ path: `${root}/${plan.sandboxId}/${preparedMark}` }));
    // The answer is in the header; unread, it would hold its connection.
    (mark as Readable | null)?.destroy();
    const archive = await sandboxArchive(plan, mark === null);
    await call(container.putArchive(archive as never, { path: root }));
  }

  /** Has a container with this spec there, running or not. */
  async function ensureContainer(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): Promise<void> {
    const image = await imageOf(component.name, component.version, signal);
    const found = await orNull(containerOf(plan.sandboxId, component.name).inspect());
    if (found?.Config.Labels[labels.specHash] === component.specHash) return;
    if (found) {
      await stop(plan.sandboxId, component.name, component.stopGraceMs);
      await removeContainer(found.Id);
    }
    signal.throwIfAborted();
    if (component.port !== null) await ensureNetwork();
    // 409: another call was faster, with the same spec, as it had the same record.
    await tolerating([409], docker.createContainer(containerOptions({ plan, component, image, owner, bindAddress })));
  }

  async function ensureNetwork(): Promise<void> {
    if (await orNull(docker.getNetwork(networkName).inspect())) return;
    const network = {
      Name: networkName,
      CheckDuplicate: true,
      // Sandboxes do not reach one another.
      Options: { 'com.docker.network.bridge.enable_icc': 'false' },
      Labels: { [labels.owner]: owner },
    };
    await tolerating([409], docker.createNetwork(network));
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
      // It stays behind as created, holding nothing but its name.
      await removeContainer(objectName(plan.sandboxId, component.name));
      throw new AppError('port_taken', `Port ${component.port} is taken by another program.`, { cause: error });
    }
    if (component.accepts) await waitForLogText(plan.sandboxId, component, component.accepts.logText, signal);
  }

  /** Reads what the container has written since its last start, until it tells that it accepts connections. */
  async function waitForLogText(
    id: string,
    component: ComponentSpec,
    text: string,
    signal: AbortSignal,
  ): Promise<void> {
    const container = containerOf(id, component.name);
    const { State } = await call(container.inspect());
    const since = Date.parse(State.StartedAt) / 1000;
    const stream = (await rawLogs(container, { follow: true, since })) as Readable;
    const timeout = AbortSignal.timeout(acceptTimeoutMs);
    let seen = '';
    for await (const piece of following(stream, AbortSignal.any([signal, timeout]))) {
      seen += piece.toString();
      if (seen.includes(text)) return;
    }
    signal.throwIfAborted();
    throw await failedStart(id, component.name, timeout.aborted);
  }

  async function failedStart(id: string, component: string, late: boolean): Promise<AppError> {
    const logTail = await lastLines(id, component);
    if (late) {
      const message = `${component} did not accept connections within ${acceptTimeoutMs / 1000} s.`;
      return new AppError('component_timeout', message, { component, logTail });
    }
    const inspected = await orNull(containerOf(id, component).inspect());
    return new AppError('component_exited', `${component} exited with code ${inspected?.State.ExitCode}.`, {
      component,
      logTail,
    });
  }

  async function lastLines(id: string, component: string): Promise<string[]> {
    const pieces: Buffer[] = [];
    const options = { tail: logTailLines, follow: false, signal: new AbortController().signal };
    for await (const piece of await logs(id, component, options)) pieces.push(piece);
    return Buffer.concat(pieces).toString().split('\n').filter(Boolean);
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
    await Promise.all(containers.map((info) => removeContainer(info.Id)));
    const volume = docker.getVolume(objectName(id));
    // In use until the daemon is through with the containers.
    await untilGone(
      () => tolerating([404, 409], volume.remove()),
      () => orNull(volume.inspect()),
      objectName(id),
    );
  }

  async function removeContainer(idOrName: string): Promise<void> {
    const container = docker.getContainer(idOrName);
    // 409: a removal is under way.
    await untilGone(
      () => tolerating([404, 409], container.remove({ force: true })),
      () => orNull(container.inspect()),
      idOrName,
    );
  }

  async function logs(id: string, component: string, { tail, follow, signal }: LogOptions) {
    const answer = await rawLogs(containerOf(id, component), { tail, follow }).catch((error: unknown) => {
      if (statusOf(error) !== 404) throw error;
      throw new AppError('logs_unavailable', 'This component has not written a log yet.');
    });
    return follow ? following(answer as Readable, signal) : payloads([answer as Buffer]);
  }

  return { name: 'docker', root, prepare, start, observe, stop, remove, logs };
}

/** Removes the network of all sandboxes, when this owner made it and nobody uses it (403). */
export async function removeNetwork(docker: Docker, owner: string): Promise<void> {
  const network = docker.getNetwork(networkName);
  const found = await orNull(network.inspect());
  if (found?.Labels?.[labels.owner] === owner) await tolerating([403, 404], network.remove());
}

/** Ids end up in paths of the Engine API, which dockerode does not escape. */
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

/** Tries and looks until it is gone; a removal that was accepted may not be done yet. */
async function untilGone(attempt: () => Promise<unknown>, look: () => Promise<unknown>, what: string): Promise<void> {
  const deadline = performance.now() + removalTimeoutMs;
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    await attempt();
    if ((await look()) === null) return;
    if (performance.now() > deadline) throw new AppError('runtime_unavailable', `Docker does not remove ${what}.`);
    await delay(pauseMs);
  }
}
