import t from 'tap';
import { removeNetwork } from '../../src/runtime/docker-network.ts';
import { serviceId } from '../../src/start/service-keys.ts';
import { dockerOrSkip } from '../support/dockerd.ts';
import { inDocker } from '../support/in-docker.ts';
import { checkWithKubectl, checkWithLibrary, clusterId } from '../support/kube-checks.ts';
import { kubectlFor, kubectls } from '../support/kubectl.ts';
import { lastingLeftovers } from '../support/leftovers.ts';
import { startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';

t.setTimeout(600_000);

const docker = await dockerOrSkip(t);
const service = await startTestService({ SANDPLANE_WORKER_NAME: 'docker-test' });
const owner = await serviceId(service.config.dataDir);
t.teardown(async () => {
  await service.close();
  await removeNetwork(docker, owner);
});
const { client, config } = service;

/** Whether it was done. */
const ignored = async (asked: Promise<unknown>) =>
  await asked.then(
    () => true,
    () => false,
  );

async function currentKubectl() {
  const [current] = await kubectls(config);
  return await kubectlFor(current?.file ?? '', config.dataDir, sandbox.id, await client.kubeconfig(sandbox.id));
}

const runtime = 'docker';
const created = await client.create({ name: 'in-docker', spec: { runtime } });
const sandbox = created.body;

t.test('a sandbox in containers is a Kubernetes API that clients accept', async (t) => {
  t.equal(created.status, 201);
  t.equal(sandbox.status.runtime, 'docker');
  for (const [i, { name, file }] of (await kubectls(config)).entries()) {
    const kubectl = await kubectlFor(file, config.dataDir, sandbox.id, await client.kubeconfig(sandbox.id));
    await t.test(name, (t) => checkWithKubectl(t, kubectl, `d${i}`));
  }
  await t.test('a client library', async (t) => checkWithLibrary(t, await client.kubeconfig(sandbox.id)));
});

t.test('its containers may do nothing but their work', async (t) => {
  for (const component of ['etcd', 'kube-apiserver']) {
    const { HostConfig, Config, Mounts, NetworkSettings } = await docker
      .getContainer(`sandplane-${sandbox.id}-${component}`)
      .inspect();
    t.match(HostConfig, {
      CapDrop: ['ALL'],
      ReadonlyRootfs: true,
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
    });
    t.same(Object.keys(NetworkSettings.Networks), [component === 'etcd' ? 'none' : `sandplane-${owner}`]);
    t.equal(Config.User, '65532:65532');
    t.ok((HostConfig.Memory ?? 0) > 0 && (HostConfig.PidsLimit ?? 0) > 0 && (HostConfig.NanoCpus ?? 0) > 0);
    t.same(
      Mounts.map(({ Type }) => Type),
      ['volume'],
      'nothing of the host is mounted',
    );
    t.notMatch(JSON.stringify(Config.Env), 'PRIVATE KEY');
  }
});

t.test('logs of both components', async (t) => {
  for (const [component, words] of [
    ['etcd', /etcd/],
    ['kube-apiserver', /serving|apiserver|controller/i],
  ] as const) {
    const { body } = await client.call<string>('GET', `/v1/sandboxes/${sandbox.id}/logs?component=${component}&tail=5`);
    t.match(body, words);
    t.equal(body.trim().split('\n').length, 5);
  }
});

t.test('what is killed is started again, with its objects', async (t) => {
  const kubectl = await currentKubectl();
  const before = await clusterId(kubectl);
  for (const [restarts, component] of ['kube-apiserver', 'etcd'].entries()) {
    await docker.getContainer(`sandplane-${sandbox.id}-${component}`).kill();
    t.equal((await client.waitForRestart(sandbox.id, restarts)).status, 200);
    t.equal(await clusterId(kubectl), before);
  }
});

t.test('what is cut off its network, or has lost it, is back with its objects', async (t) => {
  const kubectl = await currentKubectl();
  const before = await clusterId(kubectl);
  const { restarts } = (await client.get(sandbox.id)).body.status;
  const name = `sandplane-${sandbox.id}-kube-apiserver`;
  const [network] = Object.values((await docker.getContainer(name).inspect()).NetworkSettings.Networks);
  await docker.getNetwork(network?.NetworkID ?? '').disconnect({ Container: name });
  t.equal((await client.waitForRestart(sandbox.id, restarts)).status, 200);
  t.equal(await clusterId(kubectl), before);

  // As `docker network prune` while it is down. The service may be faster: then the network is in use.
  const isRemoved = async () => {
    await ignored(docker.getContainer(name).kill());
    return await ignored(docker.getNetwork(`sandplane-${owner}`).remove());
  };
  await until(isRemoved);
  await until(async () => (await client.get(sandbox.id)).body.status.phase !== 'ready');
  t.equal((await client.waitFor(sandbox.id, 'ready')).status, 200);
  t.equal(await clusterId(kubectl), before);
});

t.test('a restarted service finds it by its labels', async (t) => {
  const before = (await client.get(sandbox.id)).body.status.restarts;
  await service.restart();
  t.match((await client.get(sandbox.id)).body.status, { phase: 'ready', restarts: before });
});

t.test('a sandbox whose volume was removed has failed, and does not come back empty', async (t) => {
  const { body } = await client.create({ spec: { runtime } });
  const objects = ['kube-apiserver', 'etcd'].map((component) => `sandplane-${body.id}-${component}`);
  // The service may be faster, and make a container again: then the volume is in use.
  const isRemoved = async () => {
    for (const name of objects) await ignored(docker.getContainer(name).remove({ force: true }));
    return await ignored(docker.getVolume(`sandplane-${body.id}`).remove());
  };
  await until(isRemoved);
  const failed = await client.waitFor(body.id, 'failed');
  t.match(failed.body.status, { phase: 'failed', endpoint: null, failure: { code: 'data_lost', component: 'etcd' } });
  t.match(failed.body.status.failure?.message, `sandplane-${body.id}`);
  t.same(await inDocker(docker, body.id), [], 'nothing was made again');
  await client.remove(body.id);
  t.same(await lastingLeftovers(service, body.id), []);
});

t.test('a flag that stops kube-apiserver is told in the status', async (t) => {
  const apiServer = { extraArgs: { 'enable-admission-plugins': 'NoSuchPlugin' } };
  const { body } = await client.create({ spec: { runtime, apiServer } });
  t.match(body.status, { phase: 'failed', failure: { code: 'component_exited', component: 'kube-apiserver' } });
  t.match(body.status.failure?.logTail.join('\n'), /NoSuchPlugin/);
  await client.remove(body.id);
  t.same(await inDocker(docker, body.id), []);
});

t.test('after its deletion nothing of it is left', async (t) => {
  t.equal((await inDocker(docker, sandbox.id)).length, 3, 'two containers and a volume before');
  await client.remove(sandbox.id);
  t.same(await inDocker(docker, sandbox.id), []);
  t.same(await lastingLeftovers(service, sandbox.id), []);
});
