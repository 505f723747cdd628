import type Docker from 'dockerode';
import { call, orNull, statusOf } from '../docker/calls.ts';
import { dataLost, noLogYet } from './component-errors.ts';
import { socketIn, waitUntilAccepting } from './docker-accepting.ts';
import { fillSandbox, throwIfEmpty } from './docker-archive.ts';
import { containerOf, objectName, sandboxLabels } from './docker-container.ts';
import { openLog } from './docker-logs.ts';
import { sandboxNetwork } from './docker-network.ts';
import { observeSandboxes, ownContainers } from './docker-observe.ts';
import { removeContainer, removeVolume } from './docker-removal.ts';
import { type DockerRuntimeOptions, ensureContainer, startContainer, stopContainer } from './docker-start.ts';
import { type ComponentSpec, etcdSocketName, type LogOptions, type Runtime, type SandboxPlan } from './driver.ts';

/** The folder of a sandbox lies below it in each container. */
const root = '/sandboxes';

/**
 * Components as containers: etcd without a network, its socket on a volume that it shares with kube-apiserver. Names
 * follow from the sandbox id, so that only one of several creates succeeds; labels tell what exists. Limits of a component
 * are applied.
 */
export function createDockerRuntime(options: DockerRuntimeOptions): Runtime {
  const { docker, owner } = options;
  const maker = { ...options, network: sandboxNetwork(docker, owner) };
  /** The containers that `prepare` is still making in the background, by name. */
  const underWay = new Map<string, Promise<void>>();

  async function prepare(plan: SandboxPlan, signal: AbortSignal): Promise<void> {
    const [first, ...others] = plan.components;
    if (!first) throw new Error('a plan has components');
    await ensureVolume(docker, owner, plan);
    await ensureContainer(maker, plan, first, signal);
    if (plan.mustHaveData) await throwIfEmpty(containerOf(docker, plan.sandboxId, first.name), plan, root);
    // The others are made while the first is filled and started, as each takes the daemon a tenth of a second.
    for (const component of others) makeAhead(plan, component, signal);
    await fillSandbox(containerOf(docker, plan.sandboxId, first.name), plan, root);
  }

  function makeAhead(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): void {
    const name = objectName(plan.sandboxId, component.name);
    // Nothing is to be done about an error: `start` makes the container again, and throws when that fails too.
    const made = ensureContainer(maker, plan, component, signal).catch(() => undefined);
    underWay.set(name, made);
    void made.then(() => underWay.delete(name));
  }

  async function start(plan: SandboxPlan, component: ComponentSpec, signal: AbortSignal): Promise<void> {
    await underWay.get(objectName(plan.sandboxId, component.name));
    await ensureContainer(maker, plan, component, signal);
    const container = containerOf(docker, plan.sandboxId, component.name);
    await startContainer(docker, container, component.port);
    await waitUntilAccepting({ docker, sandboxId: plan.sandboxId, component, root, signal });
  }

  async function remove(id: string): Promise<void> {
    const volume = objectName(id);
    await Promise.all([...underWay].filter(([name]) => name.startsWith(volume)).map(([, made]) => made));
    const containers = await ownContainers(docker, owner, id);
    await Promise.all(containers.map((info) => removeContainer(docker, info.Id)));
    await removeVolume(docker, volume);
  }

  return {
    name: 'docker',
    root,
    prepare,
    start,
    observe: async (sandboxId) => await observeSandboxes(docker, owner, sandboxId),
    stop: async (id, component, graceMs) => await stopContainer(containerOf(docker, id, component), graceMs),
    remove,
    logs: async (id, component, logOptions) => await logsOf(containerOf(docker, id, component), logOptions),
    // It can be reached where the daemon is this machine's, by root.
    etcdSocket: async (id) => await socketIn(docker, id, etcdSocketName),
    // The daemon does it, as each container asks for.
    rotateLogs: async () => {},
  };
}

/** Throws `data_lost`. */
async function ensureVolume(docker: Docker, owner: string, plan: SandboxPlan): Promise<void> {
  const name = objectName(plan.sandboxId);
  if (plan.mustHaveData && !(await orNull(docker.getVolume(name).inspect()))) {
    throw dataLost(`Docker no longer has the volume ${name}`);
  }
  // No error when it exists already.
  await call(docker.createVolume({ Name: name, Labels: sandboxLabels(owner, plan) }));
}

async function logsOf(container: Docker.Container, options: LogOptions): Promise<AsyncIterable<Buffer>> {
  try {
    return await openLog(container, options);
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    throw noLogYet();
  }
}
