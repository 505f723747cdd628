import { Redis } from 'ioredis';
import t from 'tap';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { startHosts } from '../support/hosts.ts';
import { until } from '../support/until.ts';
import type { WorkerProcess } from '../support/worker-process.ts';

/** A host whose worker is killed and does not come back, beside one that lives. */
t.setTimeout(240_000);
const hosts = await startHosts();
t.teardown(() => hosts.close());
const { client } = hosts;
const first = await hosts.startWorker('first', 100);
let second: WorkerProcess;
const apiServerReady = ({ status }: Sandbox) => status.conditions.find(({ type }) => type === 'ApiServerReady');
const create = async () => (await client.create()).body;

/** The ids of some sandboxes that are ready on the host `second`. */
async function readyOnSecond(count: number): Promise<[string, ...string[]]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const { id, status } = await create();
    if (status.host === 'second') ids.push(id);
  }
  return ids as [string, ...string[]];
}

let lost: string[] = [];

t.test('it is unknown whether its ready sandboxes work, with the host and since when', async (t) => {
  t.equal((await create()).status.host, 'first');
  second = await hosts.startWorker('second', 100);
  lost = await readyOnSecond(4);
  const before = new Date().toISOString();
  second.kill('SIGKILL');
  for (const id of lost) {
    const { body } = await client.waitFor(id, 'degraded');
    t.match(body.status, { phase: 'degraded', host: 'second', endpoint: String });
    const told = apiServerReady(body);
    t.match(told, {
      status: 'unknown',
      reason: 'HostLost',
      message: /^no worker serves the host second, at least since \S+Z$/,
    });
    t.ok((told?.message.split(' ').at(-1) ?? '') > before, 'since it was killed');
  }
  const all = (await client.list()).body.items.map(({ status }) => `${status.host} ${status.phase}`);
  t.same([...new Set(all)].sort(), ['first ready', 'second degraded'], 'and no others do');
  const { body: events } = await client.call<{ items: object[] }>('GET', `/v1/sandboxes/${lost[0]}/events`);
  t.match(events.items.at(-1), { type: 'degraded', phase: 'degraded', reason: 'HostLost' });
});

t.test('a create goes to the host that lives', async (t) => {
  t.match((await create()).status, { phase: 'ready', host: 'first' });
});

t.test('a DELETE is accepted, and waits for the host', async (t) => {
  const { status, body } = await client.call('DELETE', `/v1/sandboxes/${lost[0]}`);
  t.match({ status, phase: body.status.phase }, { status: 202, phase: 'deleting' });
  t.equal((await client.waitFor(lost[0] ?? '', 'deleted', 1)).status, 408);
});

for (const [i, when] of ['that is being deleted', 'that was not asked to go before'].entries()) {
  t.test(`a forced DELETE of one ${when} removes the record at once, and says what may be left`, async (t) => {
    const id = lost[i] ?? '';
    const { status, body } = await client.call('DELETE', `/v1/sandboxes/${id}?force=true`);
    t.match({ status, phase: body.status.phase }, { status: 202, phase: 'deleted' });
    const left = /what runs on the host second .* may be left there until a worker serves it again/;
    t.match(apiServerReady(body)?.message, left);
    t.equal((await client.get(id)).status, 404);
    t.equal((await client.waitFor(id, 'deleted')).body.status.phase, 'deleted', 'also for who waits');
    const { body: events } = await client.call<{ items: object[] }>('GET', `/v1/sandboxes/${id}/events`);
    t.match(events.items.at(-1), { type: 'deleted', reason: 'Forced', message: left });
    const redis = new Redis(hosts.redisSocket);
    const keys = (await redis.keys(`*${id}*`)).filter((key) => !key.includes(':history:'));
    redis.disconnect();
    t.same(keys, [], 'nor a job, nor anything else in the store');
  });
}

t.test('a forced DELETE of one whose host lives is an ordinary one', async (t) => {
  const { id } = await create();
  const { status, body } = await client.call('DELETE', `/v1/sandboxes/${id}?force=true`);
  t.match({ status, phase: body.status.phase }, { status: 202, phase: 'deleting' });
  t.equal((await client.waitFor(id, 'deleted')).body.status.phase, 'deleted');
  await until(async () => !(await first.running()).includes(id));
});

t.test('the worker comes back: the others are ready again, and what was deleted is', async (t) => {
  const deleted = await client.call('DELETE', `/v1/sandboxes/${lost[2]}`);
  t.equal(deleted.body.status.phase, 'deleting');
  await hosts.startWorker('second', 100);
  t.equal((await client.waitFor(lost[2] ?? '', 'deleted')).body.status.phase, 'deleted');
  const { body } = await client.waitFor(lost[3] ?? '', 'ready');
  t.match(body.status, { phase: 'ready', host: 'second', restarts: 0 });
  t.match(apiServerReady(body), { status: 'true', reason: 'Answering' });
  const { body: events } = await client.call<{ items: object[] }>('GET', `/v1/sandboxes/${lost[3]}/events`);
  t.match(events.items.at(-1), { type: 'ready', reason: 'Recovered', message: 'without a restart' });
});

t.test('with no worker left at all, that is told too', async (t) => {
  for (const worker of hosts.workers) worker.kill('SIGKILL');
  const { body } = await client.waitFor(lost[3] ?? '', 'degraded');
  t.match(apiServerReady(body), { status: 'unknown', reason: 'HostLost' });
});
