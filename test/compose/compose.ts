import { randomInt } from 'node:crypto';
import type Docker from 'dockerode';
import { execa } from 'execa';
import { defaultVersions, imageReference } from '../../src/components/catalog.ts';
import { createComponents } from '../../src/components/components.ts';
import type { Config } from '../../src/config/config.ts';
import { aptInstall } from '../support/apt.ts';

/** A Compose that is here: the plugin, or docker-compose 1.29 of Debian, installed when we are root. Null: neither. */
export async function findCompose(): Promise<readonly string[] | null> {
  const works = async ([command = '', ...args]: readonly string[]) =>
    (await execa(command, [...args, 'version'], { reject: false })).exitCode === 0;
  for (const compose of [['docker', 'compose'], ['docker-compose']]) if (await works(compose)) return compose;
  await aptInstall('docker-compose');
  return (await works(['docker-compose'])) ? ['docker-compose'] : null;
}

export interface ComposeProject {
  readonly name: string;
  run(...args: string[]): Promise<{ stdout: string; all: string }>;
  /** The id of the container of a service. */
  container(service: string): Promise<string>;
}

/** A project of Compose with a name of its own. */
export function composeProject(
  compose: readonly string[],
  file: string,
  env: Record<string, string>,
  name = newName(),
): ComposeProject {
  const [command = '', ...first] = compose;
  const run = (...args: string[]) =>
    execa(command, [...first, '-f', file, '-p', name, ...args], { env, all: true, timeout: 300_000 });
  return { name, run, container: async (service) => (await run('ps', '-q', service)).stdout.trim() };
}

export function newName(): string {
  return `sptest${randomInt(1e9)}`;
}

/** Has images under upstream's names in `registry`, out of the binaries of the cache; returns their references. */
export async function tagComponents(
  docker: Docker,
  config: Config,
  registry: string,
  more: Record<string, string> = {},
): Promise<string[]> {
  const components = createComponents({ config: config.components, cacheDir: config.cacheDir, docker });
  const wanted = { etcd: defaultVersions.etcdVersion, 'kube-apiserver': defaultVersions.kubernetesVersion, ...more };
  const made: string[] = [];
  for (const [name, version] of Object.entries(wanted)) {
    const reference = imageReference(registry, name, version);
    const [repo = '', tag = ''] = reference.split(/:(?=[^:/]+$)/);
    await docker.getImage(await components.image(name, version)).tag({ repo, tag });
    made.push(reference);
  }
  return made;
}

/** Takes these names away, and what has no other; those that are not there are none. */
export async function removeImages(references: readonly string[]): Promise<void> {
  await execa('docker', ['rmi', '--force', ...references], { reject: false });
}

/** What the daemon still has of a project: containers, volumes, networks and images, by name. */
export async function leftoversOf(docker: Docker, name: string): Promise<string[]> {
  const filters = { label: [`com.docker.compose.project=${name}`] };
  const [containers, { Volumes }, networks, images] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters }),
    docker.listNetworks({ filters }),
    docker.listImages(),
  ]);
  return [
    ...containers.map(({ Names }) => Names[0] ?? ''),
    ...(Volumes ?? []).map((volume) => volume.Name),
    ...networks.map((network) => network.Name),
    ...images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.includes(name)),
  ];
}
