import type Docker from 'dockerode';
import { call, orNull } from '../docker/calls.ts';
import { checkedId, containerOf } from './docker-container.ts';
import { labels } from './docker-labels.ts';
import { type ObservedComponent, type ObservedSandbox, sandboxIdPattern } from './driver.ts';

/** Containers of this owner, running or not: all, or those of one sandbox. */
export async function ownContainers(
  docker: Docker,
  owner: string,
  sandboxId?: string,
): Promise<Docker.ContainerInfo[]> {
  const { filters, isOwn } = ownedBy(owner, sandboxId);
  return (await call(docker.listContainers({ all: true, filters }))).filter(isOwn);
}

async function ownVolumes(docker: Docker, owner: string, sandboxId?: string): Promise<Docker.VolumeInspectInfo[]> {
  const { filters, isOwn } = ownedBy(owner, sandboxId);
  return ((await call(docker.listVolumes({ filters }))).Volumes ?? []).filter(isOwn);
}

/** The filter for the daemon, and the same for its answer: Podman returns volumes that have one of the labels. */
function ownedBy(owner: string, sandboxId?: string) {
  const wanted = Object.entries({
    [labels.owner]: owner,
    ...(sandboxId ? { [labels.sandbox]: checkedId(sandboxId) } : {}),
  });
  return {
    filters: { label: wanted.map(([name, value]) => `${name}=${value}`) },
    isOwn: ({ Labels }: { Labels: Record<string, string> | null }) =>
      wanted.every(([name, value]) => Labels?.[name] === value),
  };
}

/** What exists of one sandbox, or of all: a sandbox has a volume, a container or both. */
export async function observeSandboxes(docker: Docker, owner: string, sandboxId?: string): Promise<ObservedSandbox[]> {
  const [containers, volumes] = await Promise.all([
    ownContainers(docker, owner, sandboxId),
    ownVolumes(docker, owner, sandboxId),
  ]);
  const found = new Map<string, ObservedComponent[]>();
  for (const { Labels } of volumes) found.set(Labels?.[labels.sandbox] ?? '', []);
  for (const info of containers) {
    const id = info.Labels[labels.sandbox] ?? '';
    found.set(id, [...(found.get(id) ?? []), observed(info)]);
  }
  if (sandboxId) await noteOutOfMemory(docker, sandboxId, found);
  const known = [...found].filter(([id]) => sandboxIdPattern.test(id));
  return known.map(([id, components]) => ({ sandboxId: id, components }));
}

/** A list of containers does not tell it. */
async function noteOutOfMemory(
  docker: Docker,
  sandboxId: string,
  found: Map<string, ObservedComponent[]>,
): Promise<void> {
  const noting = (found.get(sandboxId) ?? []).map(async (component) => {
    if (component.state === 'running') return component;
    const inspected = await orNull(containerOf(docker, sandboxId, component.name).inspect());
    return { ...component, isOutOfMemory: inspected?.State.OOMKilled ?? false };
  });
  if (noting.length > 0) found.set(sandboxId, await Promise.all(noting));
}

function observed(info: Docker.ContainerInfo): ObservedComponent {
  const exitCode = /^Exited \((\d+)\)/.exec(info.Status)?.[1];
  const address = addressOf(info);
  // Podman does not tell the mode.
  const isReachable = address !== null || ['none', undefined].includes(info.HostConfig?.NetworkMode);
  return {
    name: info.Labels[labels.component] ?? '',
    state: info.State !== 'running' ? 'exited' : isReachable ? 'running' : 'unreachable',
    specHash: info.Labels[labels.specHash] ?? '',
    exitCode: exitCode === undefined ? null : Number(exitCode),
    pid: null,
    address,
  };
}

/** In the one network that it is in; those without one have the network `none`, and no address in it. */
function addressOf({ NetworkSettings }: Docker.ContainerInfo): string | null {
  const addresses = Object.values(NetworkSettings?.Networks ?? {}).map(({ IPAddress }) => IPAddress);
  return addresses.find((address) => address !== '') ?? null;
}
