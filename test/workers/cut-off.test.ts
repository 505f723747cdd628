import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startHosts } from '../support/hosts.ts';
import { lastingInRedis } from '../support/leftovers.ts';
import { until } from '../support/until.ts';
import type { WorkerFault } from '../support/worker-process.ts';

/** Workers as processes of their own, each of which meets its fault at one step of the work on a sandbox. */
t.setTimeout(300_000);
const hosts = await startHosts();
const { client } = hosts;
t.teardown(() => hosts.close());
const startWorker = (name: string, fault?: WorkerFault) => hosts.startWorker(name, 0, {}, fault);
const create = async () => (await client.call('POST', '/v1/sandboxes', {})).body.id;
const steps = [
  'before prepare',
  'before start etcd',
  'after start etcd',
  'before start kube-apiserver',
  'after start kube-apiserver',
];

for (const [i, at] of steps.entries()) {
  t.test(`killed in a start, ${at}: another finishes it`, async (t) => {
    const dying = await startWorker(`dying-${i}`, { at });
    const id = await create();
    await dying.ended;
    t.match((await client.get(id)).body.status, { phase: 'provisioning', host: dying.name });
    const other = await startWorker(`other-${i}`);
    t.match((await client.waitFor(id, 'ready')).body.status, { phase: 'ready', host: other.name, restarts: 0 });
    t.same(await other.running(), [id], 'one pair');
    t.equal((await client.remove(id)).body.status.phase, 'deleted');
    t.same(await other.running(), []);
    t.same(await lastingInRedis(hosts.redisSocket, id), [], 'nothing of it is left in Redis');
    other.kill('SIGKILL');
    await other.ended;
  });
}

for (const at of ['before remove', 'after remove']) {
  t.test(`killed in a deletion, ${at}: it is finished once its worker is back`, async (t) => {
    const dying = await startWorker('deleting', { at });
    const id = await create();
    t.equal((await client.waitFor(id, 'ready')).body.status.phase, 'ready');
    t.equal((await client.call('DELETE', `/v1/sandboxes/${id}`)).status, 202);
    await dying.ended;
    t.equal((await client.get(id)).body.status.phase, 'deleting');
    const back = await startWorker('deleting');
    await until(async () => (await client.get(id)).status === 404);
    t.same(await back.running(), []);
    t.same(await lastingInRedis(hosts.redisSocket, id), [], 'nothing of it is left in Redis');
    back.kill('SIGKILL');
    await back.ended;
  });
}

t.test('its event loop is blocked in a start until another has taken that over: it gives it up', async (t) => {
  const file = path.join(hosts.config.dataDir, 'go-on');
  const blocked = await startWorker('blocked', { at: 'after start etcd', blockedUntil: file });
  const id = await create();
  await client.waitFor(id, 'provisioning');
  const other = await startWorker('taking-over');
  t.match((await client.waitFor(id, 'ready')).body.status, { phase: 'ready', host: other.name });
  await writeFile(file, '');
  // It goes on where it stood, finds that the sandbox is not its own any more, and removes what it had made of it.
  await until(async () => (await blocked.running()).length === 0);
  t.match((await client.get(id)).body.status, { phase: 'ready', host: other.name, restarts: 0 });
  t.same(await other.running(), [id], 'it runs once');
});
