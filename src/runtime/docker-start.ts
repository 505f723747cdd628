import type Docker from 'dockerode';
import { orNull, statusOf, tolerating } from '../docker/calls.ts';
import { AppError } from '../errors.ts';
import { portTaken } from './component-errors.ts';
import { containerOf, containerOptions, publishedHash } from './docker-container.ts';
import { labels } from './docker-labels.ts';
import { isIn, type SandboxNetwork } from './docker-network.ts';
import { removeContainer } from './docker-removal.ts';
import type { ComponentSpec, SandboxPlan } from './driver.ts';

export interface DockerRuntimeOptions {
  readonly docker: Docker;
  /** In the labels of every object, as several services may share a daemon. */
  readonly owner: string;
  /** Where the ports of sandboxes are published. */
  readonly bindAddress: string;
  readonly imageOf: (component: string, version: string, signal?: AbortSignal) => Promise<string>;
}

/** What a Docker runtime has, to make containers with. */
export interface ContainerMaker extends DockerRuntimeOptions {
  readonly network: SandboxNetwork;
}

/**
 * Makes the container unless one with the same spec exists, running or not. One with another spec is replaced, and so is one
 * that is not in the network: it was cut off, or the network has been removed.
 */
export async function ensureContainer(
  maker: ContainerMaker,
  plan: SandboxPlan,
  component: ComponentSpec,
  signal: AbortSignal,
): Promise<void> {
  const { docker, owner, bindAddress, imageOf } = maker;
  const image = await imageOf(component.name, component.version, signal);
  const before = containerOf(docker, plan.sandboxId, component.name);
  const found = await orNull(before.inspect());
  const network = component.port === null ? null : await maker.network();
  const isSame = found?.Config.Labels[labels.specHash] === publishedHash(component, bindAddress);
  if (found && isSame && (network === null || isIn(found, network))) return;
  if (found) {
    await stopContainer(before, component.stopGraceMs);
    await removeContainer(docker, found.Id);
  }
  signal.throwIfAborted();
  // 409: another call has made it meanwhile. It had the same record and so the same spec.
  const container = containerOptions({ plan, component, image, owner, bindAddress, network: network?.Id ?? null });
  await tolerating([409], docker.createContainer(container)).catch(throwLost);
}

/** 404: what the container needs, as its image or network, was removed after the look for it. The next try makes it again. */
function throwLost(error: unknown): never {
  if (statusOf(error) !== 404) throw error;
  throw new AppError('runtime_unavailable', `Docker has lost what it needs: ${(error as Error).message}`, {
    cause: error,
  });
}

/** SIGTERM, then SIGKILL after the grace. A container that does not run, or is not there, is no error. */
export async function stopContainer(container: Docker.Container, graceMs: number): Promise<void> {
  const seconds = Math.max(1, Math.ceil(graceMs / 1000));
  await tolerating([304, 404], container.stop({ t: seconds }));
}

/** Throws `port_taken` and `runtime_unavailable`. */
export async function startContainer(docker: Docker, container: Docker.Container, port: number | null): Promise<void> {
  try {
    await tolerating([304], container.start()).catch(throwLost);
  } catch (error) {
    if (!/port is already allocated|address already in use/i.test(String((error as Error).message))) {
      throw error;
    }
    // The daemon leaves the container behind in the state `created`.
    await removeContainer(docker, container.id);
    throw portTaken(port, error);
  }
}
