import type { ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import t from 'tap';
import { findProcesses } from '../../src/runtime/process-identity.ts';
import { startHosts } from '../support/hosts.ts';
import { clientOf } from '../support/kube-checks.ts';
import { end, runProgram, untilUp } from '../support/program.ts';
import { until } from '../support/until.ts';

/** Two hosts as `npm run worker` makes them, with real sandboxes; the worker of one is killed. */
t.setTimeout(300_000);
const hosts = await startHosts();
const { client } = hosts;
const running: ChildProcess[] = [];
t.teardown(async () => {
  await client.deleteAll();
  await Promise.all(running.map((worker) => end(worker, 'SIGTERM')));
  await hosts.close();
});

async function startWorker(name: string): Promise<ChildProcess> {
  const env = { PATH: process.env.PATH ?? '', ...hosts.environmentOf(name), SANDPLANE_LOG_LEVEL: 'info' };
  const worker = runProgram([process.execPath, 'workers/main.ts'], /"working"/, { env });
  running.push(worker.child);
  await untilUp(worker, `the worker ${name}`);
  return worker.child;
}

const ids: string[] = [];
const foldersOf = async (id: string) =>
  (await readdir(`${hosts.environmentOf('second').SANDPLANE_DATA_DIR}/sandboxes`)).filter((name) => name === id);

t.test('a host is lost: its sandboxes say so, and go on working', async (t) => {
  const first = await startWorker('first');
  const second = await startWorker('second');
  first.kill('SIGSTOP');
  const made = await Promise.all([client.create(), client.create()]);
  first.kill('SIGCONT');
  ids.push(...made.filter(({ body }) => body.status.host === 'second').map(({ body }) => body.id));
  t.equal(ids.length, 2);
  second.kill('SIGKILL');
  for (const id of ids) {
    t.equal((await client.waitFor(id, 'degraded')).body.status.phase, 'degraded');
    const body = { metadata: { name: 'written' } };
    await clientOf(await client.kubeconfig(id)).createNamespacedConfigMap({ namespace: 'default', body });
  }
});

t.test('a create is taken by the other host', async (t) => {
  const { status, body } = await client.create();
  t.match({ status, host: body.status.host }, { status: 201, host: 'first' });
});

t.test('the record of one is removed by force: what is left runs until its host is back, and not longer', async (t) => {
  const [id = '', other = ''] = ids;
  t.equal((await client.call('DELETE', `/v1/sandboxes/${id}?force=true`)).body.status.phase, 'deleted');
  t.equal((await findProcesses(id)).length, 2, 'as the answer said');
  await startWorker('second');
  await until(async () => (await findProcesses(id)).length === 0 && (await foldersOf(id)).length === 0);
  t.match((await client.waitFor(other, 'ready')).body.status, { phase: 'ready', host: 'second', restarts: 0 });
  const core = clientOf(await client.kubeconfig(other));
  t.ok(await core.readNamespacedConfigMap({ namespace: 'default', name: 'written' }));
});
