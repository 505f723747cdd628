import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { labels } from '../../src/runtime/docker-labels.ts';
import { dockerOrSkip } from '../support/dockerd.ts';
import { kubectlFor, kubectls } from '../support/kubectl.ts';
import { createClient, temporaryFolder, testEnvironment } from '../support/service.ts';
import { skipFile } from '../support/skip-file.ts';
import { makeNodeBase, makeRedisBase } from './base-image.ts';
import { composeProject, findCompose, leftoversOf, newName, removeImages, tagComponents } from './compose.ts';
import { untilHealthy } from './events.ts';

t.setTimeout(600_000);
const docker = await dockerOrSkip(t);
const compose = (await findCompose()) ?? skipFile(t, 'there is no Compose');
const dir = await temporaryFolder();
const config = loadConfig(testEnvironment(dir));
const name = newName();
const registry = `sandplane.local/${name}`;
const own = { node: `${registry}/node:1`, redis: `${registry}/redis:1`, service: `${registry}/service:1` };
const images: string[] = Object.values(own);
// None of the ports of sandboxes, nor of those that the system gives away.
const port = 30_000 + (process.pid % 600);
const project = composeProject(
  compose,
  await closedClone(),
  {
    SANDPLANE_PORT: String(port),
    SANDPLANE_METRICS_PORT: String(port + 600),
    SANDPLANE_GRPC_PORT: String(port + 1200),
    SANDPLANE_PORT_RANGE: '29000-29099',
    SANDPLANE_STORE_TIMEOUT_MS: '15000',
    SANDPLANE_BASE_IMAGE: own.node,
    SANDPLANE_IMAGE: own.service,
    SANDPLANE_IMAGE_REGISTRY: registry,
    REDIS_IMAGE: own.redis,
  },
  name,
);
t.teardown(async () => {
  await removeAll().catch((error: Error) => t.comment(error.message));
  await rm(dir, { recursive: true, force: true });
});

let key = '';
let isUp = false;
const client = () => createClient(() => `http://127.0.0.1:${port}`, key);

/** The clone as a user has it whose umask is 077. Returns its compose file. */
async function closedClone(): Promise<string> {
  const clone = path.join(dir, 'clone');
  const files = ['package.json', 'package-lock.json', '.npmrc', '.dockerignore', 'docker-compose.yml', 'docker'];
  await mkdir(clone);
  await execa('cp', ['-R', '--parents', ...files, 'openapi', 'routes', 'src', 'workers', clone]);
  await execa('chmod', ['-R', 'go=', clone]);
  return path.join(clone, 'docker-compose.yml');
}

/** Everything of the daemon that bears the sandbox's id. */
async function inDocker(id: string): Promise<string[]> {
  const filters = { label: [`${labels.sandbox}=${id}`] };
  const containers = await docker.listContainers({ all: true, filters });
  const { Volumes } = await docker.listVolumes({ filters });
  return [...containers.map(({ Names }) => Names[0] ?? ''), ...(Volumes ?? []).map((volume) => volume.Name)];
}

/** As docker-compose.yml tells; what never came up has no sandboxes. */
async function removeAll(): Promise<void> {
  try {
    if (isUp) {
      await project.run('stop', 'api', 'worker');
      await project.run('run', '--rm', '--no-deps', '-T', 'worker', 'src/cli/stop-all.ts');
    }
  } finally {
    await project.run('down', '-v', '--remove-orphans');
    await removeImages(images);
    isUp = false;
  }
}

t.test('.env.example tells the defaults', async (t) => {
  const { stdout: defaults } = await composeProject(compose, 'docker-compose.yml', {}, name).run('config');
  const example = composeProject([...compose, '--env-file', '.env.example'], 'docker-compose.yml', {}, name);
  t.equal((await example.run('config')).stdout, defaults);
});

t.test('Redis, API and worker in containers make sandboxes beside them', async (t) => {
  await Promise.all([makeNodeBase(own.node), makeRedisBase(own.redis)]);
  images.push(...(await tagComponents(docker, config, registry)));
  isUp = true;
  await project.run('up', '-d', '--build');
  await untilHealthy(docker, await project.container('worker'));
  const readKey = ['node', '-p', "fs.readFileSync('/data/admin.key', 'utf8').trim()"];
  key = (await project.run('exec', '-T', 'api', ...readKey)).stdout.trim();

  const created = await client().call('POST', '/v1/sandboxes', { name: 'composed' }, { prefer: 'wait=60' });
  const sandbox = created.body;
  t.match(created, { status: 201 });
  t.match(sandbox, { name: 'composed', status: { phase: 'ready', runtime: 'docker', host: 'compose' } });
  t.equal((await inDocker(sandbox.id)).length, 3, 'two containers and a volume');
  const [current] = await kubectls(config);
  const kubectl = await kubectlFor(current?.file ?? '', dir, sandbox.id, await client().kubeconfig(sandbox.id));
  await kubectl(['create', 'configmap', 'hello', '--from-literal=a=b']);
  t.equal(await kubectl(['get', 'configmap', 'hello', '-o', 'jsonpath={.data.a}']), 'b');

  await project.run('up', '-d', '--force-recreate');
  await untilHealthy(docker, await project.container('worker'));
  const after = await client().get(sandbox.id);
  t.match(after.body, { status: { phase: 'ready', restarts: 0 } }, 'records and keys outlive the containers');
  t.equal(await kubectl(['get', 'configmap', 'hello', '-o', 'jsonpath={.data.a}']), 'b', 'and so does the sandbox');

  await client().remove(sandbox.id);
  t.same(await inDocker(sandbox.id), []);
});

t.test('all have limits of memory and log', async (t) => {
  for (const service of ['redis', 'api', 'worker']) {
    const { HostConfig } = await docker.getContainer(await project.container(service)).inspect();
    t.ok((HostConfig.Memory ?? 0) > 0, service);
    t.match(HostConfig.LogConfig, { Config: { 'max-size': '10m', 'max-file': '3' } });
  }
});

t.test('the worker alone has the Docker socket', async (t) => {
  for (const service of ['redis', 'api', 'worker']) {
    const { Mounts } = await docker.getContainer(await project.container(service)).inspect();
    const hasSocket = Mounts.some(({ Destination }) => Destination === '/var/run/docker.sock');
    t.equal(hasSocket, service === 'worker', service);
  }
  const script = "process.getuid() + ' ' + /CapEff:\\s*(\\w+)/.exec(fs.readFileSync('/proc/self/status'))[1]";
  const { stdout } = await project.run('exec', '-T', 'api', 'node', '-p', script);
  t.equal(stdout.trim(), '65532 0000000000000000', 'the API is not root and has no capability');
});

t.test('all can be removed, sandboxes included', async (t) => {
  const left = await client().create({ name: 'left' });
  t.match(left, { status: 201, body: { status: { phase: 'ready', failure: null } } });
  await removeAll();
  t.same(await inDocker(left.body.id), []);
  t.same(await leftoversOf(docker, name), []);
});
