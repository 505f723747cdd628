import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { createComponents } from '../../src/components/components.ts';
import { sha256 } from '../../src/components/source-release.ts';
import { loadConfig } from '../../src/config/config.ts';
import { aptInstall } from '../support/apt.ts';
import { dockerOrSkip } from '../support/dockerd.ts';
import { temporaryFolder } from '../support/service.ts';
import { skipFile } from '../support/skip-file.ts';
import { until } from '../support/until.ts';
import { program } from './release-server.ts';

t.setTimeout(180_000);
const docker = await dockerOrSkip(t);
const dir = await temporaryFolder();
const registry = (await startRegistry(dir)) ?? skipFile(t, 'there is no docker-registry to pull from');
t.teardown(async () => {
  await registry.stop();
  await rm(dir, { recursive: true, force: true });
});

// A version that no other test uses: images are shared by all who use the daemon.
const version = '3.6.987';
const reference = `${registry.host}/etcd:${version}-0`;
const folder = path.join(dir, 'folder');
await mkdir(folder);
await writeFile(path.join(folder, 'etcd'), program(version), { mode: 0o755 });

function components(sources: string, cache: string, from = folder) {
  const { components: config } = loadConfig({
    SANDPLANE_COMPONENT_SOURCES: sources,
    ...(sources.includes('folder') ? { SANDPLANE_COMPONENTS_DIR: from } : {}),
    SANDPLANE_IMAGE_REGISTRY: registry?.host ?? '',
  });
  return createComponents({ config, cacheDir: path.join(dir, cache), docker });
}

t.test('without a registry that has it, an image is made out of the binary', async (t) => {
  const made = await components('folder', 'one').image('etcd', version);
  t.match(made, `sandplane.local/etcd:v${version}-`);
  const { Config, RootFS } = await docker.getImage(made).inspect();
  t.equal(Config.User, '65532:65532');
  t.equal(RootFS.Layers?.length, 1, 'from scratch, with the binary alone');
  const id = (await docker.getImage(made).inspect()).Id;
  await components('folder', 'two').image('etcd', version);
  t.equal((await docker.getImage(made).inspect()).Id, id, 'it is not made twice');
});

t.test('two services with different binaries of one version at once: each has an image of its own', async (t) => {
  const other = path.join(dir, 'other');
  await mkdir(other);
  await writeFile(path.join(other, 'etcd'), `${program(version)}# another build\n`, { mode: 0o755 });
  const [made, madeOther] = await Promise.all([
    components('folder', 'one').image('etcd', version),
    components('folder', 'another', other).image('etcd', version),
  ]);
  const checksumIn = async (reference: string) =>
    (await docker.getImage(reference).inspect()).Config.Labels?.['io.sandplane.sha256'];
  t.equal(await checksumIn(made), await sha256(path.join(folder, 'etcd')));
  t.equal(await checksumIn(madeOther), await sha256(path.join(other, 'etcd')));
  await docker.getImage(madeOther).remove();
});

t.test('a registry that does not have it: the reason is told', async (t) => {
  const error = await components('image', 'three')
    .binary('etcd', '3.6.988')
    .catch((thrown) => thrown);
  t.match(error, { code: 'component_unavailable', message: /image: .*(not found|manifest unknown)/i });
});

t.test('a registry that has it: the image is pulled, and the binary taken out of it', async (t) => {
  const local = docker.getImage(await components('folder', 'one').image('etcd', version));
  await local.tag({ repo: `${registry.host}/etcd`, tag: `${version}-0` });
  const pushed = await docker.getImage(reference).push({ authconfig: {} });
  for await (const _message of pushed);
  await docker.getImage(reference).remove();
  await local.remove();

  const fresh = components('image', 'four');
  t.equal(await fresh.image('etcd', version), reference);
  const file = await fresh.binary('etcd', version);
  t.match((await execa(file, [])).stdout, `v${version}`);
  const containers = await docker.listContainers({ all: true, filters: { ancestor: [reference] } });
  t.same(containers, [], 'no container stays behind');
  await docker.getImage(reference).remove();
});

/** Debian's docker-registry on a free port of loopback; null where it cannot be had. */
async function startRegistry(root: string): Promise<{ host: string; stop(): Promise<void> } | null> {
  if (!(await has('docker-registry'))) {
    await aptInstall('docker-registry');
    if (!(await has('docker-registry'))) return null;
  }
  const port = 5000 + Math.floor(Math.random() * 1000);
  const config = path.join(root, 'registry.yml');
  const storage = { filesystem: { rootdirectory: path.join(root, 'registry') } };
  await writeFile(config, JSON.stringify({ version: 0.1, storage, http: { addr: `127.0.0.1:${port}` } }));
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const host = `127.0.0.1:${port}`;
  // Not listening yet.
  await until(
    async () => child.exitCode !== null || ((await fetch(`http://${host}/v2/`).catch(() => null))?.ok ?? false),
  );
  if (child.exitCode !== null) return null;
  return {
    host,
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function has(command: string): Promise<boolean> {
  return (await execa('sh', ['-c', `command -v ${command}`], { reject: false })).exitCode === 0;
}
