import { mkdir, readFile, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { defaultVersions } from '../../src/components/catalog.ts';
import { createComponents } from '../../src/components/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createClient, temporaryFolder, testEnvironment } from '../support/service.ts';
import { serviceProcess } from '../support/service-process.ts';
import { until } from '../support/until.ts';

t.setTimeout(300_000);

/** The first start on a machine where nothing is yet: neither folders nor binaries. */
async function newMachine(umask: string) {
  const folder = await temporaryFolder();
  const componentsDir = path.join(folder, 'components');
  const settings = {
    SANDPLANE_DATA_DIR: path.join(folder, 'state', 'data'),
    SANDPLANE_CACHE_DIR: path.join(folder, 'cache', 'binaries'),
    SANDPLANE_COMPONENT_SOURCES: 'folder',
    SANDPLANE_COMPONENTS_DIR: componentsDir,
    SANDPLANE_ADMIN_KEY: '',
    SANDPLANE_DEMO: 'true',
  };
  await mkdir(componentsDir);
  const service = await serviceProcess(settings, folder);
  return {
    settings,
    /** Each start ends the one before. */
    async start(last?: RegExp) {
      await service.start({}, { umask, ...(last ? { until: last } : {}) });
      const key = await readFile(path.join(settings.SANDPLANE_DATA_DIR, 'admin.key'), 'utf8');
      const { url, output, end } = service;
      return { output, end, client: createClient(url, key.trim()) };
    },
    /** Gives the machine binaries, out of the cache of the tests. */
    async supply(...names: string[]) {
      const { components, cacheDir } = loadConfig(testEnvironment(folder));
      const { binary } = createComponents({ config: components, cacheDir });
      for (const name of names) {
        const version = name === 'etcd' ? defaultVersions.etcdVersion : defaultVersions.kubernetesVersion;
        await symlink(await binary(name, version), path.join(componentsDir, name));
      }
    },
    remove: service.remove,
  };
}

const modeOf = async (...names: string[]) => ((await stat(path.join(...names))).mode & 0o777).toString(8);

t.test('under umask 027 the first sandbox becomes ready, and secrets stay secret', async (t) => {
  const machine = await newMachine('027');
  t.teardown(machine.remove);
  await machine.supply('etcd', 'kube-apiserver', 'kubectl');
  const { output, end } = await machine.start();
  t.match(output(), /get namespaces\nNAME +STATUS +AGE\ndefault +Active/);
  const dataDir = machine.settings.SANDPLANE_DATA_DIR;
  for (const name of ['admin.key', 'secret.key', 'kubeconfigs/demo.yaml']) t.equal(await modeOf(dataDir, name), '600');
  for (const name of ['redis', 'logs', 'kubeconfigs']) t.equal(await modeOf(dataDir, name), '700');
  t.equal(await end('SIGTERM'), 0);
});

t.test('a first sandbox that cannot be made, under umask 077', async (t) => {
  const machine = await newMachine('077');
  t.teardown(machine.remove);
  await machine.supply('kubectl');
  const demos = async (client: ReturnType<typeof createClient>) =>
    (await client.list()).body.items.map(({ id, name, status }) => ({ id, name, phase: status.phase }));

  await t.test('the service says why in a sentence, and goes on', async (t) => {
    const { output, end, client } = await machine.start();
    t.match(output(), /^The first sandbox, demo, could not be made; .*: sb-\w+ is failed .* could not be had\./m);
    t.match(output(), /^Sandplane listens at/m);
    const left = await demos(client);
    t.match(left, [{ name: 'demo', phase: 'failed' }]);
    t.equal(await end('SIGTERM'), 0);
  });
  await t.test('the next start tries anew; cut off and repeated, it makes one sandbox', async (t) => {
    await machine.supply('etcd', 'kube-apiserver');
    const first = await machine.start(/^First sandbox, demo \.\.\./m);
    let made: string | undefined;
    await until(async () => {
      made = (await demos(first.client)).find(({ phase }) => ['pending', 'provisioning', 'ready'].includes(phase))?.id;
      return made !== undefined;
    });
    await first.end('SIGKILL');
    const { output, end, client } = await machine.start();
    t.match(output(), /get namespaces\nNAME +STATUS +AGE\ndefault +Active/);
    await until(async () => (await demos(client)).length === 1);
    t.match(await demos(client), [{ id: made, name: 'demo', phase: 'ready' }]);
    t.equal(await end('SIGTERM'), 0);
  });
});
