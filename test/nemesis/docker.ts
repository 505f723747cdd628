import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { labels } from '../../src/runtime/docker-labels.ts';
import { serviceId } from '../../src/start/service-keys.ts';
import { dockerProxy, dockerSocket } from '../support/docker-proxy.ts';
import { daemonFaults } from './daemon.ts';
import type { Lasting } from './lasting.ts';
import type { Hit, Machine, Strike, Thing } from './machine.ts';
import type { Random } from './random.ts';

interface Found extends Thing {
  readonly id: string;
  readonly isPaused: boolean;
}

/**
 * The sandboxes of the Docker runtime whose owner is the service of a data folder. `dir`: for a socket that the service reaches
 * the daemon by.
 */
export async function dockerMachine(docker: Docker, dir: string, dataDir: string, lasting: Lasting): Promise<Machine> {
  const proxy = dockerProxy(dir);
  await proxy.comeBack();
  const owner = await serviceId(path.resolve(dataDir));
  // Asked for all and filtered here: what a daemon does with a filter is not what is tested.
  const isOwn = (given: Record<string, string> | undefined | null) => given?.[labels.owner] === owner;

  async function containers(): Promise<Found[]> {
    const all = await docker.listContainers({ all: true });
    return all.filter(({ Labels }) => isOwn(Labels)).map(toFound);
  }

  const running = async (name?: string) =>
    (await containers()).filter((one) => one.kind === 'component' && (!name || one.name === name));
  const onOne = (strike: (one: Found, random: Random) => Promise<string>, name?: string): Strike =>
    async function onContainer(random) {
      const hit = random.pick(await running(name));
      return hit ? { sandboxId: hit.sandboxId, what: `${await strike(hit, random)} ${hit.name}` } : null;
    };
  const kill = async ({ id }: Found) => await told('SIGKILL to', docker.getContainer(id).kill());
  const remove = async ({ id }: Found) => await told('removed', docker.getContainer(id).remove({ force: true }));
  const pause = async ({ id }: Found, random: Random) => {
    const seconds = random.between(1, 12);
    const container = docker.getContainer(id);
    const what = await told(`paused for ${seconds} s`, container.pause());
    await delay(seconds * 1000);
    return await told(what, container.unpause());
  };
  const disconnect = async ({ id }: Found) => {
    const cutOff = async () => {
      const { NetworkSettings } = await docker.getContainer(id).inspect();
      // It has none where it was cut off before.
      const [network] = Object.keys(NetworkSettings.Networks);
      if (network) await docker.getNetwork(network).disconnect({ Container: id, Force: true });
    };
    return await told('cut off its network:', cutOff());
  };

  async function removeAll(random: Random, withVolume: boolean): Promise<Hit | null> {
    const sandboxId = random.pick(await containers())?.sandboxId;
    const own = (await containers()).filter((one) => one.sandboxId === sandboxId);
    if (!sandboxId) return null;
    for (const one of own) await remove(one);
    if (!withVolume) return { sandboxId, what: 'removed all containers of' };
    const volumes = (await ownVolumes()).filter((one) => one.sandboxId === sandboxId);
    for (const { name } of volumes) await told('', docker.getVolume(name).remove());
    return { sandboxId, what: 'removed all containers and the volume of', takesData: true };
  }

  async function ownVolumes(): Promise<Thing[]> {
    const { Volumes } = await docker.listVolumes();
    const own = (Volumes ?? []).filter(({ Labels }) => isOwn(Labels));
    return own.map(({ Name, Labels }) => ({ sandboxId: Labels[labels.sandbox] ?? '', kind: 'volume', name: Name }));
  }

  async function networks(): Promise<Thing[]> {
    const own = await ownNetworks();
    return own.map(({ Id, Name }) => ({ sandboxId: '', kind: 'network', name: `${Name} ${Id.slice(0, 12)}` }));
  }

  const ownNetworks = async () => (await docker.listNetworks()).filter(({ Labels }) => isOwn(Labels));

  /** As `docker network prune` does while nothing runs. */
  async function removeNetwork(): Promise<Hit | null> {
    const own = await ownNetworks();
    if (own.length === 0) return null;
    for (const one of await running()) await kill(one);
    const what = await Promise.all(own.map(({ Id }) => told('removed the network', docker.getNetwork(Id).remove())));
    return { what: `SIGKILL to all containers, ${what.join(', ')}` };
  }

  return {
    env: { DOCKER_HOST: proxy.host },
    things: async () => [...(await containers()), ...(await ownVolumes()), ...(await networks())],
    faults: {
      'kill-container': [4, onOne(kill)],
      'remove-container': [2, onOne(remove)],
      'pause-container': [2, onOne(pause)],
      'disconnect-network': [2, onOne(disconnect, 'kube-apiserver')],
      'remove-containers': [1, (random) => removeAll(random, false)],
      'remove-volume': [1, (random) => removeAll(random, true)],
      'remove-network': [1, removeNetwork],
      ...daemonFaults(proxy, lasting),
    },
    async clear() {
      for (const one of await containers()) await remove(one);
      for (const { name } of await ownVolumes()) await told('', docker.getVolume(name).remove());
      for (const { Id } of await ownNetworks()) await told('', docker.getNetwork(Id).remove());
      await proxy.leave();
    },
    async heal() {
      const paused = (await containers()).filter(({ isPaused }) => isPaused);
      for (const { id } of paused) await told('', docker.getContainer(id).unpause());
    },
  };
}

/** Throws when no daemon answers. */
export async function connectDaemon(): Promise<Docker> {
  const docker = new Docker({ socketPath: dockerSocket });
  await docker.ping();
  return docker;
}

/** What was to be hurt may be gone by then, or in another state: that is told, and no fault of anybody. */
async function told(what: string, done: Promise<unknown>): Promise<string> {
  return await done.then(
    () => what,
    (error: { statusCode?: number }) => {
      if (!error.statusCode) throw error;
      return `${what} (answered ${error.statusCode})`;
    },
  );
}

function toFound({ Id, State, Labels }: Docker.ContainerInfo): Found {
  const kind = State === 'running' || State === 'paused' ? 'component' : 'container';
  const name = Labels[labels.component] ?? '';
  return { id: Id, sandboxId: Labels[labels.sandbox] ?? '', kind, name, isPaused: State === 'paused' };
}
