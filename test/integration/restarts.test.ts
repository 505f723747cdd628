import { readdir } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { findProcesses } from '../../src/runtime/process-identity.ts';
import { redisSocketIn } from '../../src/start/embedded-redis.ts';
import { pidOf } from '../support/pid-of.ts';
import { serviceProcess } from '../support/service-process.ts';
import { until } from '../support/until.ts';

t.setTimeout(300_000);

/** The service as a user has it: a process that is started, interrupted, killed, and started again. */
const service = await serviceProcess();
t.teardown(service.remove);
const { client, dataDir } = service;

/** Where nobody listens. */
const proxy = 'http://127.0.0.1:9';

t.test('the first start makes the sandbox demo and says how to go on, also where a proxy is down', async (t) => {
  const proxies = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, HTTPS_PROXY: proxy, http_proxy: proxy };
  await service.start({ SANDPLANE_DEMO: 'true', ...proxies });
  t.match(service.output(), /get namespaces\nNAME +STATUS +AGE\ndefault +Active/);
  t.match(service.output(), `curl -fsS -X POST ${service.url()}/v1/sandboxes`);
  t.same(
    (await client.list()).body.items.map(({ name, status }) => [name, status.phase]),
    [['demo', 'ready']],
  );
});

t.test('a second service on the same data is refused', async (t) => {
  await t.rejects(service.start(), /running already at http/);
});

t.test('after Ctrl-C and a new start the sandboxes are there, with their objects', async (t) => {
  const [demo] = (await client.list()).body.items;
  if (!demo) throw new Error('no demo');
  const kubectl = await service.kubectl(demo.id);
  await kubectl(['create', 'configmap', 'kept']);
  t.equal(await service.end('SIGINT'), 0);
  t.equal((await findProcesses(demo.id)).length, 2, 'they run on without the service');
  t.match(await kubectl(['get', 'configmap', 'kept', '-o', 'name']), 'configmap/kept');

  await service.start({ SANDPLANE_DEMO: 'true' });
  t.notMatch(service.output(), /First sandbox/, 'only the first start makes it');
  t.match((await client.get(demo.id)).body.status, { phase: 'ready', restarts: 0 });
  t.match(await kubectl(['get', 'configmap', 'kept', '-o', 'name']), 'configmap/kept');
});

for (const phase of ['pending', 'provisioning']) {
  t.test(`killed while a create is ${phase}`, async (t) => {
    const { body } = await client.call('POST', '/v1/sandboxes', {});
    if (phase !== 'pending') await client.waitFor(body.id, phase);
    await service.end('SIGKILL');
    await service.start();
    const ready = await client.waitFor(body.id, 'ready');
    t.match(ready.body.status, { phase: 'ready', restarts: 0 });
    const commands = (await findProcesses(body.id)).map(({ commandLine }) =>
      path.basename(commandLine.split(' ')[0] ?? ''),
    );
    t.same(commands.sort(), ['etcd', 'kube-apiserver'], 'one pair');
  });
}

t.test('while Redis is frozen requests fail soon, and nothing is lost', async (t) => {
  await service.end('SIGTERM');
  await service.start({ SANDPLANE_STORE_TIMEOUT_MS: '1000' });
  const redis = await pidOf(redisSocketIn(dataDir));
  const listed = async () => {
    for (;;) {
      const { status, body } = await client.list();
      if (status === 200) return body.items.length;
    }
  };
  const before = await listed();
  process.kill(redis, 'SIGSTOP');
  t.teardown(() => process.kill(redis, 'SIGCONT'));
  for (const method of ['GET', 'POST']) {
    const answer = await client.call(method, '/v1/sandboxes', method === 'POST' ? {} : undefined);
    t.match(answer, { status: 503, body: { code: 'store_unavailable' } }, method);
    t.ok(answer.headers.get('retry-after'));
  }
  process.kill(redis, 'SIGCONT');
  // The create may have reached Redis or not; a 503 says nothing of it.
  t.ok((await listed()) >= before);
});

t.test('killed while a sandbox is being deleted', async (t) => {
  await service.end('SIGTERM');
  await service.start();
  const [one] = (await client.list()).body.items;
  if (!one) throw new Error('no sandbox');
  t.equal((await client.call('DELETE', `/v1/sandboxes/${one.id}`)).status, 202);
  await service.end('SIGKILL');
  await service.start();
  const gone = await client.waitFor(one.id, 'deleted');
  t.ok(gone.status === 404 || gone.body.status.phase === 'deleted');
  t.same(await findProcesses(one.id), []);
});

t.test('what no record owns is removed', async (t) => {
  const [one] = (await client.list()).body.items;
  if (!one) throw new Error('no sandbox');
  t.equal((await findProcesses(one.id)).length, 2);
  const redis = await import('ioredis');
  const store = new redis.Redis(redisSocketIn(dataDir));
  await store.del(`{sandplane}:sandbox:${one.id}`);
  store.disconnect();
  const left = async () => {
    const folders = (await readdir(path.join(dataDir, 'sandboxes'))).filter((name) => name === one.id);
    return [...(await findProcesses(one.id)).map(({ commandLine }) => commandLine), ...folders];
  };
  // Its folder goes after its processes.
  await until(async () => (await left()).length === 0);
});

t.test('stop-all removes everything, the running service too', async (t) => {
  const { stdout } = await service.stopAll();
  t.match(stdout, /Stopping the service[\s\S]*Removed/);
  t.same(await findProcesses(dataDir), []);
  const left = (await readdir(dataDir)).map((name) => name.replace(/^sb-\w+/, 'ID'));
  t.same(left.sort(), ['.kube', 'ID.kubeconfig'], 'only what the test itself put there');
});
