import { randomInt } from 'node:crypto';
import type Docker from 'dockerode';
import { execa } from 'execa';
import { defaultVersions, imageReference } from '../../src/components/catalog.ts';
import { createComponents } from '../../src/components/components.ts';
import type { Config } from '../../src/config.ts';

/** A Compose that is here: the plugin, or docker-compose 1.29 of Debian, installed when we are root. Null: neither. */
export async function findCompose(): Promise<readonly string[] | null> {
  const works = async ([command = '', ...args]: readonly string[]) =>
    (await execa(command, [...args, 'version'], { reject: false })).exitCode === 0;
  for (const compose of [['docker', 'compose'], ['docker-compose']]) if (await works(compose)) return compose;
  const install = ['install', '-y', '-qq', '--no-install-recommends', 'docker-compose'];
  await execa('apt-get', install, { reject: false, env: { DEBIAN_FRONTEND: 'noninteractive' } });
  return (await works(['docker-compose'])) ? ['docker-compose'] : null;
}

/** A project of Compose with a name of its own. */
export function composeProject(compose: readonly string[], file: string, env: Record<string, string>) {
  const name = `sptest${randomInt(1e9)}`;
  const [command = '', ...first] = compose;
  const run = (...args: string[]) =>
    execa(command, [...first, '-f', file, '-p', name, ...args], { env, all: true, timeout: 300_000 });
  return { name, run, down: () => run('down', '-v', '--remove-orphans', '-t', '5') };
}

/** Has upstream's image names there, out of the binaries of the cache. */
export async function tagComponents(docker: Docker, config: Config, registry: string): Promise<void> {
  const components = createComponents({ config: config.components, cacheDir: config.cacheDir, docker });
  const wanted = { etcd: defaultVersions.etcdVersion, 'kube-apiserver': defaultVersions.kubernetesVersion };
  for (const [name, version] of Object.entries(wanted)) {
    const made = await components.image(name, version);
    const reference = imageReference(registry, name, version);
    const [repo = '', tag = ''] = reference.split(/:(?=[^:/]+$)/);
    await docker.getImage(made).tag({ repo, tag });
  }
}
