import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { loadConfig } from '../../src/config.ts';
import { labels } from '../../src/runtime/docker-client.ts';
import { testDocker } from '../support/dockerd.ts';
import { kubectlFor, kubectls } from '../support/kubectl.ts';
import { createClient, temporaryFolder, testEnvironment } from '../support/service.ts';
import { imageOfPrograms, whichProgram } from './base-image.ts';
import { composeProject, findCompose, tagComponents } from './compose.ts';

t.setTimeout(600_000);
const daemon = await testDocker();
const compose = await findCompose();
if (typeof daemon === 'string' || !compose) {
  t.plan(0, typeof daemon === 'string' ? daemon : 'there is no Compose');
  process.exit();
}
const { docker } = daemon;
const dir = await temporaryFolder();
const config = loadConfig(testEnvironment(dir));
const key = 'sp_admin_for-the-compose-test-0123456789';
const port = 27_000 + (process.pid % 1000);
await makeBases();
await tagComponents(docker, config, 'sandplane.local/upstream');
const project = composeProject(compose, 'docker-compose.yml', {
  SANDPLANE_PORT: String(port),
  SANDPLANE_METRICS_PORT: String(port + 1000),
  SANDPLANE_PORT_RANGE: '29000-29099',
  SANDPLANE_ADMIN_KEY: key,
  SANDPLANE_BASE_IMAGE: 'sandplane.local/test-node:1',
  SANDPLANE_IMAGE: 'sandplane.local/test-service:1',
  SANDPLANE_IMAGE_REGISTRY: 'sandplane.local/upstream',
  REDIS_IMAGE: 'sandplane.local/test-redis:1',
});
const client = createClient(() => `http://127.0.0.1:${port}`, key);
t.teardown(async () => {
  await project.down();
  await rm(dir, { recursive: true, force: true });
  await daemon.stop();
});

/** Bases of what is on this machine: node with the production packages, and redis. */
async function makeBases(): Promise<void> {
  const packages = path.join(dir, 'packages');
  await execa('mkdir', ['-p', packages]);
  await execa('cp', ['package.json', 'package-lock.json', '.npmrc', packages]);
  await execa('cp', ['-a', 'node_modules', packages]);
  await execa('npm', ['prune', '--omit=dev', '--ignore-scripts', '--offline', '--no-audit'], { cwd: packages });
  const shell = { '/bin/sh': await whichProgram('sh') };
  const node = { '/usr/local/bin/node': process.execPath };
  await imageOfPrograms(
    'sandplane.local/test-node:1',
    { ...shell, ...node },
    { [path.join(packages, 'node_modules')]: '/app/node_modules' },
  );
  const redis = {
    '/usr/local/bin/redis-server': await whichProgram('redis-server'),
    '/usr/local/bin/redis-cli': await whichProgram('redis-cli'),
  };
  await imageOfPrograms('sandplane.local/test-redis:1', { ...shell, ...redis });
}

t.test('Redis, API and worker in containers make sandboxes beside them', async (t) => {
  await project.run('up', '-d', '--build');
  const deadline = performance.now() + 120_000;
  let created = await client.create({ name: 'composed' }).catch(() => null);
  while (created?.status !== 201 && performance.now() < deadline)
    created = await client.create({ name: 'composed' }).catch(() => null);
  const sandbox = created?.body;
  t.match(sandbox, { name: 'composed', status: { phase: 'ready', runtime: 'docker', host: 'compose' } });
  if (!sandbox) return;
  const [current] = await kubectls(config);
  const kubectl = await kubectlFor(current?.file ?? '', dir, sandbox.id, await client.kubeconfig(sandbox.id));
  await kubectl(['create', 'configmap', 'hello', '--from-literal=a=b']);
  t.equal(await kubectl(['get', 'configmap', 'hello', '-o', 'jsonpath={.data.a}']), 'b');

  const api = await docker.getContainer((await project.run('ps', '-q', 'api')).stdout.trim()).inspect();
  t.notOk(
    api.Mounts.some(({ Source }) => Source.includes('docker.sock')),
    'the API has no Docker socket',
  );
  t.not(api.Config.User, '', 'and is not root');

  const { body } = await client.list();
  await Promise.all(body.items.map(({ id }) => client.remove(id)));
  const filters = { label: [`${labels.sandbox}=${sandbox.id}`] };
  t.same(await docker.listContainers({ all: true, filters }), []);
  t.same((await docker.listVolumes({ filters })).Volumes, []);
});
