import path from 'node:path';
import t from 'tap';
import { commandOf, findProcesses } from '../../src/runtime/process-identity.ts';
import { sendSignal } from '../../src/runtime/process-signals.ts';
import { serviceProcess } from '../support/service-process.ts';
import { startedPrograms } from '../support/started-programs.ts';
import { until } from '../support/until.ts';

t.setTimeout(600_000);

const service = await serviceProcess();
t.teardown(service.remove);
await service.start();
const { client, dataDir } = service;

/** All but the service, which has no folder on its command line. */
const others = async () => await findProcesses(`${dataDir}/`);

/** Ends everything at once, as a machine does that loses its power. Returns the names of what the service had started. */
async function reboot(): Promise<string[]> {
  const started = await startedPrograms(dataDir);
  const found = await others();
  // First the service, that it does not see what happens to the others.
  const ended = service.end('SIGKILL');
  for (const { pid } of found) sendSignal(pid, 'SIGKILL');
  await ended;
  await until(async () => (await others()).length === 0);
  return started.map(([name]) => name);
}

async function create(durability: 'durable' | 'ephemeral') {
  const { body } = await client.create({ spec: { durability } });
  const kubectl = await service.kubectl(body.id);
  await kubectl(['create', 'configmap', 'kept']);
  return { id: body.id, endpoint: body.status.endpoint, kubectl };
}

const componentsOf = async (id: string) =>
  (await findProcesses(path.join(dataDir, 'sandboxes', id))).map(({ commandLine }) => commandOf(commandLine)).sort();
const pair = ['etcd', 'kube-apiserver'];

t.test('a machine that reboots: its sandboxes come back by themselves, with their objects', async (t) => {
  const sandboxes = [await create('durable'), await create('ephemeral')];
  t.same(await reboot(), [...pair, ...pair, 'redis-server'].sort());
  await service.start();
  for (const { id, endpoint, kubectl } of sandboxes) {
    const { body } = await client.waitForRestart(id, 0);
    t.match(body.status, { phase: 'ready', endpoint, restarts: 1, failure: null });
    t.same(await componentsOf(id), pair, 'one pair');
    t.match(await kubectl(['get', 'configmap', 'kept', '-o', 'name']), 'configmap/kept');
    await kubectl(['create', 'configmap', 'written']);
  }
});

t.test('what was under way when the machine rebooted is done after it', async (t) => {
  const [unwanted] = (await client.list()).body.items;
  const created = (await client.call('POST', '/v1/sandboxes', { spec: { durability: 'durable' } })).body.id;
  await client.waitFor(created, 'provisioning');
  t.equal((await client.call('DELETE', `/v1/sandboxes/${unwanted?.id}`)).status, 202);
  await reboot();
  await service.start();
  const { body } = await client.waitFor(created, 'ready');
  t.match(body.status, { phase: 'ready', failure: null });
  t.same(await componentsOf(created), pair, 'one pair');
  t.equal((await client.waitFor(unwanted?.id ?? '', 'deleted')).status, 200);
  await until(async () => (await componentsOf(unwanted?.id ?? '')).length === 0);
});
