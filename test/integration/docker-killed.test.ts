import t from 'tap';
import { dockerProxy } from '../support/docker-proxy.ts';
import { dockerOrSkip } from '../support/dockerd.ts';
import { inDocker } from '../support/in-docker.ts';
import { temporaryFolder } from '../support/service.ts';
import { serviceProcess } from '../support/service-process.ts';

t.setTimeout(600_000);

const docker = await dockerOrSkip(t);
const dataDir = await temporaryFolder();
const proxy = dockerProxy(dataDir);
await proxy.comeBack();
const settings = { DOCKER_HOST: proxy.host, SANDPLANE_WORKER_NAME: 'docker-killed' };
const service = await serviceProcess(settings, dataDir);
const { client } = service;
t.teardown(async () => {
  await service.remove();
  await proxy.leave();
});
await service.start();

const components = ['etcd', 'kube-apiserver'];
const stateOf = async (id: string, component: string) =>
  (await docker.getContainer(`sandplane-${id}-${component}`).inspect()).State.Status;

/** Starts a sandbox, and kills the service once it has made a container of it and before that is started. */
async function killBeforeStartOf(component: string): Promise<string> {
  const reached = proxy.freezeAt(new RegExp(`^POST \\S+/containers/\\S+-${component}/start`));
  const { id } = (await client.call('POST', '/v1/sandboxes', { spec: { runtime: 'docker' } })).body;
  await reached;
  await service.end('SIGKILL');
  // The daemon never gets what it was asked for.
  await proxy.leave();
  await proxy.comeBack();
  return id;
}

async function removeAndLook(id: string): Promise<string[]> {
  await client.remove(id);
  return await inDocker(docker, id);
}

for (const component of components) {
  t.test(`killed between the making of a container and its start, one pair: ${component}`, async (t) => {
    const id = await killBeforeStartOf(component);
    t.equal(await stateOf(id, component), 'created');
    await service.start();
    t.match((await client.waitFor(id, 'ready', 120)).body.status, { phase: 'ready', failure: null });
    t.equal((await inDocker(docker, id)).length, 3, 'two containers and a volume');
    for (const one of components) t.equal(await stateOf(id, one), 'running', one);
    t.same(await removeAndLook(id), []);
  });
}

t.test('killed before the start of a container, and deleted then: nothing is left', async (t) => {
  const id = await killBeforeStartOf('kube-apiserver');
  await service.start();
  t.same(await removeAndLook(id), []);
});
