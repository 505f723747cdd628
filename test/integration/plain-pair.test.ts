import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';
import { createCredentials } from '../../src/runtime/pki.ts';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { testDocker } from '../support/dockerd.ts';
import { clientOf } from '../support/kube-checks.ts';
import { type Kubectl, kubectlFor, kubectls } from '../support/kubectl.ts';
import { pidOf } from '../support/pid-of.ts';
import { startTestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { labelPolicy, labelPolicyBinding, lostWebhook } from './admission-objects.ts';

/** What users have of an etcd and a kube-apiserver that they start themselves, they have of a sandbox. */
t.setTimeout(600_000);
const daemon = await testDocker();
const hasDocker = typeof daemon !== 'string';
const service = await startTestService();
t.teardown(async () => {
  await service.close();
  if (hasDocker) await daemon.stop();
});
const { client, config } = service;
const [current] = await kubectls(config);
const kubectlOf = async ({ id }: Sandbox): Promise<Kubectl> =>
  await kubectlFor(current?.file ?? '', config.dataDir, id, await client.kubeconfig(id));

const json = (value: unknown) => JSON.stringify(value);

const runtimes = ['process', ...(hasDocker ? ['docker'] : [])];

for (const runtime of runtimes) {
  t.test(`in the runtime ${runtime}`, async (t) => {
    const { body: sandbox, status } = await client.create({ spec: { runtime } });
    t.equal(status, 201);
    const kubectl = await kubectlOf(sandbox);

    await t.test('the Service kubernetes and its endpoint are there as soon as it is ready', async (t) => {
      const service = JSON.parse(await kubectl(['get', 'service', 'kubernetes', '-o', 'json']));
      t.match(service.spec, { clusterIP: '10.96.0.1', type: 'ClusterIP', ports: [{ name: 'https', port: 443 }] });
      const slice = JSON.parse(await kubectl(['get', 'endpointslice', 'kubernetes', '-o', 'json']));
      const address = slice.endpoints[0].addresses[0];
      t.equal(isIP(address), 4);
      t.notMatch(address, /^127\./, 'of the host, or of the container');
      const endpoints = await kubectl([
        'get',
        'endpoints',
        'kubernetes',
        '-o',
        'jsonpath={.subsets[0].addresses[0].ip}',
      ]);
      t.equal(endpoints, address);
      await kubectl([
        'wait',
        '--for=create',
        '--timeout=60s',
        'lease',
        '-n',
        'kube-system',
        '-l',
        'apiserver.kubernetes.io/identity=kube-apiserver',
      ]);
      const later = JSON.parse(await kubectl(['get', 'endpointslice', 'kubernetes', '-o', 'json']));
      t.same(later.endpoints[0].addresses, [address], 'and the server keeps what it was given');
    });

    await t.test('whatever is done to RBAC, the owner of its first kubeconfig keeps his access', async (t) => {
      await kubectl(['delete', 'clusterrolebindings', '--all']);
      t.equal(await kubectl(['auth', 'can-i', '*', '*', '--all-namespaces']), 'yes');
      t.match(await kubectl(['create', 'configmap', 'after']), 'created');
    });

    await t.test('many writes at once are all answered', async (t) => {
      const core = clientOf(await client.kubeconfig(sandbox.id));
      const body = { metadata: { generateName: 'burst-' } };
      // On a busy machine some of so many connections are not open within the ten seconds that fetch gives them.
      const write = (): Promise<unknown> =>
        core.createNamespacedConfigMap({ namespace: 'default', body }).catch((error: Error) => {
          if (error.message === 'fetch failed') return write();
          throw error;
        });
      const written = await Promise.allSettled(Array.from({ length: 800 }, write));
      t.same(
        written
          .filter(({ status }) => status === 'rejected')
          .map((one) => String((one as PromiseRejectedResult).reason)),
        [],
      );
    });

    await t.test('an aggregated API finds in the cluster whose certificates it is to believe', async (t) => {
      const published = await kubectl([
        'get',
        'configmap',
        '-n',
        'kube-system',
        'extension-apiserver-authentication',
        '-o',
        'json',
      ]);
      const { data } = JSON.parse(published);
      t.match(data['requestheader-client-ca-file'], 'BEGIN CERTIFICATE');
      t.same(JSON.parse(data['requestheader-allowed-names']), ['front-proxy-client']);
      if (runtime === 'process') await checkAggregated(t, kubectl, data['requestheader-client-ca-file']);
    });

    await t.test('policies of its user may refuse any write: it is ready again all the same', async (t) => {
      for (const object of [labelPolicy, labelPolicyBinding, lostWebhook])
        await kubectl(['create', '-f', '-'], json(object));
      const refusal = (labels: object) =>
        kubectl(
          ['create', '-f', '-'],
          json({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', labels } }),
        ).then(() => '', String);
      const areRefused = async () =>
        (await refusal({})).includes('denied request') &&
        (await refusal({ team: 'a' })).includes('failed calling webhook');
      // Both take effect some moments after they were written.
      await until(areRefused);
      await kill(runtime, sandbox.id, 'kube-apiserver');
      const again = await client.waitForRestart(sandbox.id, 0);
      t.match(again, { status: 200, body: { status: { phase: 'ready', restarts: 1 } } });
      await until(areRefused);
    });
    await client.remove(sandbox.id);
  });
}

for (const runtime of runtimes) {
  t.test(`an etcd in the runtime ${runtime} that has reached its quota`, async (t) => {
    const etcd = { extraArgs: { 'quota-backend-bytes': String(16 * 1024 * 1024) } };
    const { body: sandbox } = await client.create({ spec: { runtime, etcd } });
    const core = clientOf(await client.kubeconfig(sandbox.id));
    const write = async (i: number) => {
      const body = { metadata: { name: `large-${i}`, labels: { large: 'yes' } }, data: { text: 'x'.repeat(900_000) } };
      return await core.createNamespacedConfigMap({ namespace: 'default', body }).then(() => '', String);
    };
    const conditionOf = async () =>
      (await client.get(sandbox.id)).body.status.conditions.find(({ type }) => type === 'EtcdReady');
    let refusal = '';
    for (let i = 0; refusal === ''; i += 1) refusal = await write(i);
    t.match(refusal, 'database space exceeded');
    await until(async () => (await conditionOf())?.status === 'false');
    t.match(await conditionOf(), { reason: 'NoSpace', message: /quota-backend-bytes/ });

    await core.deleteCollectionNamespacedConfigMap({ namespace: 'default', labelSelector: 'large=yes' });
    // Once objects are deleted, it takes writes again.
    await until(async () => (await write(1001)) === '');
    await until(async () => (await conditionOf())?.status === 'true');
    t.match((await client.get(sandbox.id)).body.status, { phase: 'ready', restarts: 0 });
    await client.remove(sandbox.id);
  });
}

t.test('Services of IPv6', async (t) => {
  const extraArgs = {
    'service-cluster-ip-range': 'fd00:10:96::/112,10.96.0.0/16',
    'kubernetes-service-node-port': '30443',
  };
  const { body, status } = await client.create({ spec: { runtime: 'process', apiServer: { extraArgs } } });
  t.equal(status, 201);
  const kubectl = await kubectlOf(body);
  t.equal(await kubectl(['get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}']), 'fd00:10:96::1');
  t.equal(await kubectl(['get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.ports[0].nodePort}']), '30443');
  const { hostname, port } = new URL(body.status.endpoint ?? '');
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  for (const address of ['fd00:10:96::1', '10.96.0.1']) t.ok(certificate?.checkIP(address), address);
  await client.remove(body.id);
});

const hasIPv6 = Object.values(networkInterfaces()).some((found) => found?.some(({ address }) => isIPv6(address)));
t.test('a host that is reached by IPv6', { skip: hasIPv6 ? false : 'this machine has no IPv6' }, async (t) => {
  const other = await startTestService({
    SANDPLANE_ADVERTISE_HOST: 'fd00::2',
    SANDPLANE_BIND_ADDRESS: '::',
    SANDPLANE_PORT_RANGE: '30000-30999',
  });
  t.teardown(() => other.close());
  const { body, status } = await other.client.create();
  t.equal(status, 201);
  t.match(body.status.endpoint, /^https:\/\/\[fd00::2\]:30/);
});

async function kill(runtime: string, id: string, component: string): Promise<void> {
  if (runtime === 'process') process.kill(await pidOf(id, `${component} --`), 'SIGKILL');
  else if (hasDocker) await daemon.docker.getContainer(`sandplane-${id}-${component}`).kill();
}

/** Serves an API of its own, and looks at who the server says is calling. */
async function checkAggregated(t: Test, kubectl: Kubectl, proxyCa: string): Promise<void> {
  const { serverCert: cert, serverKey: key } = await createCredentials(['localhost']);
  const seen: { user: unknown; isProxy: boolean }[] = [];
  const api = createServer(
    { cert, key, ca: proxyCa, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { authorized } = request.socket as TLSSocket;
      seen.push({ user: request.headers['x-remote-user'], isProxy: authorized });
      response.setHeader('content-type', 'application/json');
      response.end(
        json({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'far.example.com/v1', resources: [] }),
      );
    },
  ).listen(0);
  await once(api, 'listening');
  t.teardown(() => api.close());
  const port = (api.address() as AddressInfo).port;
  const far = { type: 'ExternalName', externalName: 'localhost' };
  await kubectl(
    ['create', '-f', '-'],
    json({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'far' }, spec: far }),
  );
  const spec = {
    group: 'far.example.com',
    version: 'v1',
    groupPriorityMinimum: 1000,
    versionPriority: 10,
    insecureSkipTLSVerify: true,
    service: { namespace: 'default', name: 'far', port },
  };
  const metadata = { name: 'v1.far.example.com' };
  await kubectl(
    ['create', '-f', '-'],
    json({ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata, spec }),
  );
  await kubectl(['wait', '--for=condition=Available', '--timeout=60s', 'apiservice/v1.far.example.com']);
  t.match(await kubectl(['get', '--raw', '/apis/far.example.com/v1']), 'APIResourceList');
  // The server asks by itself too, at any moment.
  t.match(
    seen.find(({ user }) => user === 'sandplane-admin'),
    { isProxy: true },
  );
  await kubectl(['delete', 'apiservice', 'v1.far.example.com']);
}
