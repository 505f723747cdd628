import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import t from 'tap';
import { findProcesses } from '../../src/runtime/process-identity.ts';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import {
  anonymousStatus,
  checkWithKubectl,
  checkWithLibrary,
  clusterId,
  settledStatus,
} from '../support/kube-checks.ts';
import { type Kubectl, kubectlFor, kubectls } from '../support/kubectl.ts';
import { lastingLeftovers, leftovers } from '../support/leftovers.ts';
import { pidOf } from '../support/pid-of.ts';
import { startTestService } from '../support/service.ts';

/** The life of sandboxes with real parts. `npm run test:versions` runs this file for each version. */
const kubernetesVersion = process.env.SANDPLANE_TEST_KUBERNETES_VERSION ?? 'latest';
const spec = { kubernetesVersion };

t.setTimeout(600_000);
const service = await startTestService();
t.teardown(() => service.close());
const { client, config } = service;
const [current, ...older] = await kubectls(config);
if (!current) throw new Error('there is no kubectl');
const kubectlOf = async (sandbox: Sandbox, file = current.file): Promise<Kubectl> =>
  await kubectlFor(file, config.dataDir, sandbox.id, await client.kubeconfig(sandbox.id));

t.test('a sandbox is a Kubernetes API that clients accept', async (t) => {
  const created = await client.create({ name: 'demo', labels: { team: 'ci' }, spec });
  t.equal(created.status, 201);
  t.equal(created.headers.get('location'), `/v1/sandboxes/${created.body.id}`);
  t.match(created.body, { name: 'demo', project: 'default', labels: { team: 'ci' }, status: { phase: 'ready' } });
  t.ok((created.body.status.timings.totalMs ?? 0) > 0, 'it says where the time went');
  if (kubernetesVersion !== 'latest') t.equal(created.body.status.kubernetesVersion, kubernetesVersion);

  for (const [i, { name, file }] of [current, ...older].entries()) {
    await t.test(name, async (t) => checkWithKubectl(t, await kubectlOf(created.body, file), `k${i}`));
  }
  await t.test('a client library', async (t) => checkWithLibrary(t, await client.kubeconfig(created.body.id)));
  await t.test('its version is the one that was asked for', async (t) => {
    const { gitVersion } = JSON.parse(await (await kubectlOf(created.body))(['get', '--raw', '/version']));
    t.equal(gitVersion, `v${created.body.status.kubernetesVersion}`);
  });
});

t.test('two sandboxes have nothing in common', async (t) => {
  const [one, two] = (await Promise.all([client.create({ spec }), client.create({ spec })])).map(({ body }) => body);
  if (!one || !two) throw new Error('not created');
  const [kubeconfigOne, kubeconfigTwo] = await Promise.all([client.kubeconfig(one.id), client.kubeconfig(two.id)]);
  const ca = (kubeconfig: string) => /certificate-authority-data: (\S+)/.exec(kubeconfig)?.[1];
  t.not(ca(kubeconfigOne), ca(kubeconfigTwo), 'each has its CA');
  t.not(await clusterId(await kubectlOf(one)), await clusterId(await kubectlOf(two)), 'and its kube-system UID');

  const crossed = kubeconfigOne.replace(one.status.endpoint ?? '', two.status.endpoint ?? '');
  const insecure = crossed
    .replace(/certificate-authority-data: \S+/, 'insecure-skip-tls-verify: true')
    .replace(/ +tls-server-name: .*\n/, '');
  const kubectl = await kubectlFor(current.file, config.dataDir, 'crossed', insecure);
  await t.rejects(
    kubectl(['get', '--raw', '/api/v1/namespaces']),
    /Unauthorized|must be logged in/,
    "the other's credential is nobody here",
  );

  for (const [path, status] of [
    ['/livez', 200],
    ['/readyz', 200],
    ['/api', 401],
    ['/version', 401],
  ] as const) {
    const ask = () => anonymousStatus(kubeconfigOne, one.status.endpoint ?? '', path);
    t.equal(await settledStatus(ask), status, `anonymous at ${path}`);
  }
  await Promise.all([client.remove(one.id), client.remove(two.id)]);
});

t.test('a create that is sent twice makes one sandbox', async (t) => {
  const send = (body: object, key = 'once') =>
    client.call('POST', '/v1/sandboxes', { spec, ...body }, { 'idempotency-key': key });
  const first = await send({ name: 'one' });
  const again = await send({ name: 'one' });
  t.match(again, { status: 202, body: { id: first.body.id, name: 'one' } });
  t.match(await send({ name: 'two' }), { status: 422, body: { code: 'idempotency_mismatch' } });
  const together = await Promise.all([1, 2, 3, 4].map(() => send({}, 'together')));
  const made = new Set(together.filter(({ status }) => status === 202).map(({ body }) => body.id));
  t.equal(made.size, 1);
  for (const { status, body } of together) if (status !== 202) t.match(body, { code: 'idempotency_in_flight' });
  for (const id of [first.body.id, ...made]) await client.remove(id);
});

t.test('no secret is in the store in clear', async (t) => {
  const { body } = await client.create({ spec });
  const redis = new Redis(service.redisSocket);
  const { r = '', s: sealed = '' } = await redis.hgetall(`{sandplane}:sandbox:${body.id}`);
  redis.disconnect();
  t.match(r, body.id);
  t.match(sealed, /^v1\./);
  for (const text of [r, sealed, Buffer.from(sealed.split('.').at(-1) ?? '', 'base64url').toString('latin1')]) {
    t.notMatch(text, /PRIVATE KEY|CERTIFICATE/);
  }
  await client.remove(body.id);
});

t.test('after its deletion nothing of it is left', async (t) => {
  const { body } = await client.create({ spec });
  t.not((await leftovers(service, body.id)).length, 0, 'there was something before');
  const gone = await client.remove(body.id);
  t.equal(gone.body.status.phase, 'deleted');
  t.same(await lastingLeftovers(service, body.id), []);
  t.equal((await client.get(body.id)).status, 404);
  t.equal((await client.call('DELETE', `/v1/sandboxes/${body.id}`)).status, 404);
});

t.test('deleted in the middle of its start', async (t) => {
  const { body } = await client.call('POST', '/v1/sandboxes', { spec });
  await client.waitFor(body.id, 'provisioning');
  const gone = await client.remove(body.id);
  t.equal(gone.body.status.phase, 'deleted');
  t.same(await lastingLeftovers(service, body.id), []);
});

t.test('a flag that stops kube-apiserver is told in the status', async (t) => {
  const apiServer = { extraArgs: { 'enable-admission-plugins': 'NoSuchPlugin' } };
  const { body, status } = await client.create({ spec: { ...spec, apiServer } });
  t.equal(status, 202);
  t.match(body.status, { phase: 'failed', failure: { code: 'component_exited', component: 'kube-apiserver' } });
  t.match(body.status.failure?.logTail.join('\n'), /NoSuchPlugin/);
  t.same(await findProcesses(body.id), [], 'nothing of it runs');
  const waited = await client.waitFor(body.id, 'ready');
  t.match(waited, { status: 409, body: { code: 'phase_unreachable' } });
  t.match(await client.call('GET', `/v1/sandboxes/${body.id}/kubeconfig`), {
    status: 409,
    body: { code: 'kubeconfig_unavailable' },
  });
  await client.remove(body.id);
  t.same(await lastingLeftovers(service, body.id), []);
});

t.test('logs', async (t) => {
  const { body } = await client.create({ spec });
  const tail = await client.call<string>('GET', `/v1/sandboxes/${body.id}/logs?component=etcd&tail=3`);
  t.equal(tail.body.trim().split('\n').length, 3);
  t.match(tail.headers.get('content-type'), 'text/plain');
  const stop = new AbortController();
  const response = await fetch(`${client.url()}/v1/sandboxes/${body.id}/logs?component=etcd&tail=0&follow=true`, {
    headers: { authorization: `Bearer ${config.adminKey}` },
    signal: stop.signal,
  });
  process.kill(await pidOf(body.id, 'etcd --'), 'SIGTERM');
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes('received signal')) break;
  }
  stop.abort();
  t.match(text, /received signal/, 'what is written later arrives');
  await client.remove(body.id);
});

t.test('logs hold no secret, when they hold the most that may be logged', async (t) => {
  const most = { apiServer: { extraArgs: { v: '7' } }, etcd: { extraArgs: { 'log-level': 'info' } } };
  const { body } = await client.create({ spec: { ...spec, ...most } });
  await (await kubectlOf(body))(['create', 'secret', 'generic', 'hidden', '--from-literal=word=open-sesame']);
  for (const [component, words] of [
    ['etcd', '"level":"info"'],
    ['kube-apiserver', '"HTTP" verb="POST"'],
  ] as const) {
    const target = `/v1/sandboxes/${body.id}/logs?component=${component}&tail=10000`;
    const log = (await client.call<string>('GET', target)).body;
    t.ok(log.includes(words), `${component} logs much`);
    for (const word of ['open-sesame', Buffer.from('open-sesame').toString('base64')]) t.notOk(log.includes(word));
  }
  await client.remove(body.id);
});

t.test('what died is started again, with its objects', async (t) => {
  const { body } = await client.create({ spec });
  const kubectl = await kubectlOf(body);
  await kubectl(['create', 'configmap', 'kept']);
  for (const [i, component] of ['kube-apiserver --', 'etcd --'].entries()) {
    process.kill(await pidOf(body.id, component), 'SIGKILL');
    const again = await client.waitForRestart(body.id, i);
    t.match(again.body.status, { phase: 'ready', restarts: i + 1 }, `${component} was missed`);
    t.match(await kubectl(['get', 'configmap', 'kept', '-o', 'name']), 'configmap/kept');
  }
  await client.remove(body.id);
});

t.test('a sandbox whose data is gone has failed, and does not come back empty', async (t) => {
  const { body } = await client.create({ spec });
  await rm(path.join(config.dataDir, 'sandboxes', body.id), { recursive: true });
  for (const component of ['etcd --', 'kube-apiserver --']) process.kill(await pidOf(body.id, component), 'SIGKILL');
  const failed = await client.waitFor(body.id, 'failed');
  t.match(failed.body.status, { phase: 'failed', endpoint: null, failure: { code: 'data_lost', component: 'etcd' } });
  t.match(failed.body.status.failure?.message, body.id);
  t.same(await findProcesses(body.id), [], 'nothing of it runs');
  await client.remove(body.id);
  t.same(await lastingLeftovers(service, body.id), []);
});

t.test('a restarted service finds its sandboxes', async (t) => {
  const { body } = await client.create({ spec });
  const kubectl = await kubectlOf(body);
  await kubectl(['create', 'configmap', 'before']);
  const before = (await findProcesses(body.id)).map(({ pid }) => pid);
  await service.restart();
  t.match((await client.get(body.id)).body.status, { phase: 'ready', restarts: 0 });
  t.same(
    (await findProcesses(body.id)).map(({ pid }) => pid),
    before,
    'the same processes',
  );
  t.match(await kubectl(['get', 'configmap', 'before', '-o', 'name']), 'configmap/before');
  await client.remove(body.id);
});

t.test('eight at once on few cores', async (t) => {
  const created = await Promise.all(Array.from({ length: 8 }, () => client.create({ spec })));
  t.same(
    created.map(({ status }) => status),
    Array(8).fill(201),
  );
  t.equal(new Set(created.map(({ body }) => body.status.endpoint)).size, 8);
  await Promise.all(created.map(({ body }) => client.remove(body.id)));
  for (const { body } of created) t.same(await lastingLeftovers(service, body.id), []);
});

t.test('a sandbox ends with its time to live', async (t) => {
  const { body } = await client.create({ spec: { ...spec, ttlSeconds: 3600 } });
  t.ok(body.expiresAt);
  const etag = (await client.get(body.id)).headers.get('etag') ?? '';
  const stale = await client.call('PATCH', `/v1/sandboxes/${body.id}`, { name: 'x' }, { 'if-match': '"1"' });
  t.match(stale, { status: 412, body: { code: 'precondition_failed' } });
  const patch = { name: 'renamed', labels: { a: 'b' }, spec: { ttlSeconds: 1 } };
  const patched = await client.call('PATCH', `/v1/sandboxes/${body.id}`, patch, { 'if-match': etag });
  t.match(patched, { status: 200, body: { name: 'renamed', labels: { a: 'b' } } });
  t.equal((await client.waitFor(body.id, 'deleted')).body.status.phase, 'deleted');
  t.same(await lastingLeftovers(service, body.id), []);
});
