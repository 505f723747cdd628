import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import t from 'tap';
import { commandOf, findProcesses } from '../../src/runtime/process-identity.ts';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { redisSocketIn } from '../../src/start/embedded-redis.ts';
import { serviceProcess } from '../support/service-process.ts';
import { until } from '../support/until.ts';

/** What may happen to the processes of sandboxes, and to what the service wrote down about them. */
t.setTimeout(600_000);
const components = ['etcd', 'kube-apiserver'];
const service = await serviceProcess();
t.teardown(service.remove);
await service.start();
const { client, dataDir } = service;

const folderOf = (id: string) => path.join(dataDir, 'sandboxes', id);
const noteOf = (id: string, component: string) =>
  path.join(dataDir, 'sandboxes', 'service', id, 'run', `${component}.json`);

/** As `etcd 123`, sorted. */
async function processesOf(id: string): Promise<string[]> {
  const found = await findProcesses(`${folderOf(id)}/`);
  return found
    .map(({ pid, commandLine }) => `${commandOf(commandLine)} ${pid}`)
    .filter((one) => components.includes(one.split(' ', 1)[0] ?? ''))
    .sort();
}

async function kill(id: string, ...names: readonly string[]): Promise<void> {
  for (const one of await processesOf(id)) {
    const [name = '', pid] = one.split(' ');
    if (names.includes(name)) process.kill(Number(pid), 'SIGKILL');
  }
  await until(async () => !(await processesOf(id)).some((one) => names.includes(one.split(' ', 1)[0] ?? '')));
}

async function create() {
  const { body } = await client.create();
  const kubectl = await service.kubectl(body.id);
  const status = async () => (await client.get(body.id)).body.status;
  return { id: body.id, endpoint: body.status.endpoint, kubectl, status };
}

const first = await create();
const second = await create();

async function forgetRecord(id: string): Promise<void> {
  const store = new Redis(redisSocketIn(dataDir));
  await store.del(`{sandplane}:sandbox:${id}`);
  store.disconnect();
}

/** Every sandbox has been looked at since this was called, and what had died before is up again. */
async function swept(): Promise<void> {
  const { restarts } = await second.status();
  await kill(second.id, 'kube-apiserver');
  await client.waitForRestart(second.id, restarts);
}

t.test('a note that cannot be read keeps no orphan alive, and its sandbox runs on', async (t) => {
  const orphan = await create();
  const before = await processesOf(first.id);
  await writeFile(noteOf(first.id, 'etcd'), '{}');
  await writeFile(noteOf(first.id, 'kube-apiserver'), '[]');
  await forgetRecord(orphan.id);
  await until(async () => (await processesOf(orphan.id)).length === 0);
  await swept();
  t.same(await processesOf(first.id), before);
  t.match(await first.status(), { phase: 'ready', restarts: 0 });
});

/** As when the service is killed after it has started a process anew, and before it has noted it. */
async function killBeforeNotes(id: string, ...alsoDead: readonly string[]): Promise<void> {
  const { restarts } = (await client.get(id)).body.status;
  const notes = await Promise.all(components.map((name) => readFile(noteOf(id, name))));
  await kill(id, ...components);
  await client.waitForRestart(id, restarts);
  await service.end('SIGKILL');
  for (const [i, name] of components.entries()) await writeFile(noteOf(id, name), notes[i] ?? '');
  await kill(id, ...alsoDead);
}

t.test('killed between the start of a process and its note: that process is found', async (t) => {
  const kept = await create();
  await kept.kubectl(['create', 'configmap', 'kept']);
  await killBeforeNotes(kept.id);
  const before = await processesOf(kept.id);
  await service.start();
  await swept();
  t.same(await processesOf(kept.id), before, 'none was started beside it');
  t.match(await kept.status(), { phase: 'ready', endpoint: kept.endpoint, restarts: 1 });
  t.match(await kept.kubectl(['get', 'configmap', 'kept', '-o', 'name']), 'configmap/kept');
  await client.remove(kept.id);
});

t.test('an API server that nobody noted gives its port to the next one', async (t) => {
  const kept = await create();
  await kept.kubectl(['create', 'configmap', 'kept']);
  await killBeforeNotes(kept.id, 'etcd');
  await service.start();
  await client.waitForRestart(kept.id, 1);
  t.equal((await processesOf(kept.id)).length, 2, 'one pair');
  t.equal((await kept.status()).endpoint, kept.endpoint, 'kubeconfigs stay right');
  t.match(await kept.kubectl(['get', 'configmap', 'kept', '-o', 'name']), 'configmap/kept');
  await client.remove(kept.id);
});

const serviceFolderOf = (id: string) => path.join(dataDir, 'sandboxes', 'service', id);

async function removeFolders(id: string): Promise<void> {
  for (const folder of [folderOf(id), serviceFolderOf(id)]) await rm(folder, { recursive: true });
}

t.test('logs and notes of a sandbox removed under it: no second pair, and the same port', async (t) => {
  const emptied = await create();
  const before = await processesOf(emptied.id);
  await rm(serviceFolderOf(emptied.id), { recursive: true });
  await client.waitForRestart(emptied.id, 0);
  const after = await processesOf(emptied.id);
  t.equal(after.length, 2, 'one pair');
  t.notOk(
    after.some((one) => before.includes(one)),
    'the old one does not run on',
  );
  t.equal((await emptied.status()).endpoint, emptied.endpoint, 'kubeconfigs stay right');
  await client.remove(emptied.id);
});

t.test('the folder of a sandbox removed under it: its data is lost, and nothing of it runs on', async (t) => {
  const emptied = await create();
  await removeFolders(emptied.id);
  const { body } = await client.waitFor(emptied.id, 'failed');
  t.match(body.status, { phase: 'failed', failure: { code: 'data_lost' } });
  t.same(await processesOf(emptied.id), []);
  await client.remove(emptied.id);
});

t.test('what runs without a folder and without a record is an orphan', async (t) => {
  const orphan = await create();
  await removeFolders(orphan.id);
  await forgetRecord(orphan.id);
  await until(async () => (await processesOf(orphan.id)).length === 0);
  t.pass('it has ended');
});

t.test('etcd died and nobody was there: with the next etcd comes the next API server', async (t) => {
  const kept = await create();
  const [, apiServer = ''] = await processesOf(kept.id);
  await service.end('SIGKILL');
  await kill(kept.id, 'etcd');
  await service.start();
  await client.waitForRestart(kept.id, 0);
  await kept.kubectl(['create', 'configmap', 'written']);
  t.notOk(
    (await processesOf(kept.id)).includes(apiServer),
    'one that waits for an etcd takes up to a minute to find it',
  );
  await client.remove(kept.id);
});

t.test('a component that hangs is told at the first check, and started again at the third', async (t) => {
  await service.end('SIGTERM');
  // Long enough that the third check is not over before it goes on.
  await service.start({ SANDPLANE_SWEEP_INTERVAL_MS: '5000' });
  const hung = await create();
  const before = await processesOf(hung.id);
  const [etcd = 0, apiServer = 0] = before.map((one) => Number(one.split(' ')[1]));
  process.kill(apiServer, 'SIGSTOP');
  const told = await client.waitFor(hung.id, 'degraded');
  process.kill(apiServer, 'SIGCONT');
  const conditionOf = ({ status }: Sandbox) => status.conditions.find(({ type }) => type === 'ApiServerReady');
  t.equal(told.body.status.restarts, 0);
  t.match(conditionOf(told.body), { status: 'false', reason: 'NotAnswering' });
  const again = await client.waitFor(hung.id, 'ready');
  t.equal(again.body.status.restarts, 0);
  t.match(conditionOf(again.body), { status: 'true', reason: 'Answering' });
  t.same(await processesOf(hung.id), before, 'one that answers again is left alone');

  process.kill(etcd, 'SIGSTOP');
  t.match((await client.waitFor(hung.id, 'degraded')).body.status, { restarts: 0 });
  await client.waitForRestart(hung.id, 0);
  await hung.kubectl(['create', 'configmap', 'written']);
  t.notOk((await processesOf(hung.id)).includes(`etcd ${etcd}`));
  const events = await client.call<{ items: { type: string; reason: string }[] }>(
    'GET',
    `/v1/sandboxes/${hung.id}/events`,
  );
  t.same(
    events.body.items.slice(-5).map(({ type, reason }) => `${type} ${reason}`),
    ['degraded NotAnswering', 'ready Recovered', 'degraded NotAnswering', 'degraded Restarting', 'ready Recovered'],
  );
  await client.remove(hung.id);
});
