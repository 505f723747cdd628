import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import t from 'tap';
import { createSandbox, SandboxError } from '../../src/testing/create-sandbox.ts';
import { lastingLeftovers, leftovers } from '../support/leftovers.ts';
import { startTestService, testAdminKey } from '../support/service.ts';
import { until } from '../support/until.ts';

/** The helper as a test suite would use it, on real sandboxes. */
t.setTimeout(600_000);
const service = await startTestService();
t.teardown(() => service.close());
const access = { url: service.client.url(), key: testAdminKey };
const all = async () => (await service.client.list()).body.items;

async function refused(creating: Promise<unknown>): Promise<SandboxError> {
  const error = await creating.then(
    () => new Error('it was created'),
    (error: unknown) => error,
  );
  if (error instanceof SandboxError) return error;
  throw error;
}

t.test('an object is written and read back, and nothing is left at the end of the scope', async (t) => {
  let id = '';
  {
    await using sandbox = await createSandbox({ ...access, name: 'suite', labels: { team: 'ci' } });
    id = sandbox.id;
    const { body } = await service.client.get(id);
    t.match(body, { name: 'suite', labels: { team: 'ci' }, status: { phase: 'ready' } });
    t.equal(Date.parse(body.expiresAt ?? '') - Date.parse(body.createdAt), 3_600_000, 'it ends by itself in an hour');

    const core = await sandbox.client(CoreV1Api);
    const metadata = { name: 'written' };
    await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata, data: { greeting: 'hello' } } });
    const own = new KubeConfig();
    const file = path.join(service.config.dataDir, 'suite.kubeconfig');
    await writeFile(file, 'an older one', { mode: 0o644 });
    own.loadFromFile(await sandbox.writeKubeconfig(file));
    t.equal((await stat(file)).mode & 0o777, 0o600, 'the kubeconfig is for nobody else to read');
    const read = await own.makeApiClient(CoreV1Api).readNamespacedConfigMap({ namespace: 'default', name: 'written' });
    t.same(read.data, { greeting: 'hello' });
    t.equal((await sandbox.kubeConfig()).getCurrentCluster()?.server, body.status.endpoint);
    t.not((await leftovers(service, id)).length, 0, 'there is something of it');
  }
  t.same(await lastingLeftovers(service, id), []);
});

t.test('it is deleted as well when the body throws, and only once', async (t) => {
  let id = '';
  const body = async () => {
    await using sandbox = await createSandbox({ ...access, spec: { ttlSeconds: null } });
    id = sandbox.id;
    t.equal((await service.client.get(id)).body.expiresAt, null, 'a time to live of its own was asked for');
    await sandbox.delete();
    throw new Error('an assertion of the test');
  };
  await t.rejects(body(), { message: 'an assertion of the test' });
  t.same(await lastingLeftovers(service, id), []);

  const other = async () => {
    await using sandbox = await createSandbox(access);
    id = sandbox.id;
    throw new Error('another one');
  };
  await t.rejects(other(), { message: 'another one' });
  t.same(await lastingLeftovers(service, id), []);
});

t.test('why a start failed is told, with the log of what failed', async (t) => {
  const spec = { apiServer: { extraArgs: { 'enable-admission-plugins': 'NoSuchPlugin' } } };
  const error = await refused(createSandbox({ ...access, spec }));
  t.match(error, { code: 'component_exited', failure: { component: 'kube-apiserver' } });
  t.match(error.message, /kube-apiserver.*\n.*last lines of kube-apiserver:[\s\S]*NoSuchPlugin/);
  t.same(await all(), []);
});

t.test('called off, it deletes what was begun', async (t) => {
  const stop = new AbortController();
  const creating = createSandbox({ ...access, signal: stop.signal });
  await until(async () => (await all()).length === 1);
  stop.abort(new Error('called off'));
  await t.rejects(creating, { message: 'called off' });
  t.same(await all(), []);
  await t.rejects(createSandbox({ ...access, signal: stop.signal }), { message: 'called off' });
});

t.test('a wrong field is named', async (t) => {
  const error = await refused(createSandbox({ ...access, name: 'Not_A_Label' }));
  t.match(error, { code: 'validation_failed', status: 422, message: /\/name/ });
  t.same(await all(), []);
});
