import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import t from 'tap';
import { startQueue } from '../../src/queue/names.ts';
import { connectForWork } from '../../src/redis/connection.ts';
import { startHosts } from '../support/hosts.ts';
import { until } from '../support/until.ts';
import type { WorkerProcess } from '../support/worker-process.ts';

/** Workers as processes of their own, which share the queue of a runtime. */
t.setTimeout(180_000);
const hosts = await startHosts();
const { client, startWorker, workers } = hosts;
const first = await startWorker('first', 1000);
const connection = connectForWork(hosts.redisAddress);
await connection.connect();
const starts = new Queue(startQueue('process'), { connection, prefix: '{sandplane}' });
t.teardown(async () => {
  await starts.close();
  connection.disconnect();
  await hosts.close();
});

const idsOn = async (host: string, ids: readonly string[], phase: string) => {
  const found = await Promise.all(ids.map((id) => client.get(id)));
  return ids.filter((_id, i) => found[i]?.body.status.host === host && found[i]?.body.status.phase === phase);
};
const create = async () => (await client.call('POST', '/v1/sandboxes', {})).body.id;
const createMany = (count: number) => Promise.all(Array.from({ length: count }, create));
const hostsOf = async (ids: readonly string[]) => {
  const found = await Promise.all(ids.map((id) => client.get(id)));
  return found.map(({ body }) => body.status.host);
};

t.test('while the worker stands still a create is accepted, and its job waits in BullMQ', async (t) => {
  first.kill('SIGSTOP');
  const { status, body } = await client.call('POST', '/v1/sandboxes', {});
  t.match({ status, phase: body.status.phase, host: body.status.host }, { status: 202, phase: 'pending', host: null });
  const job = await starts.getJob(`start-${body.id}`);
  t.same(job?.data, { sandboxId: body.id }, 'with the id and nothing else');
  t.match(await starts.getJobCounts('prioritized', 'active'), { prioritized: 1, active: 0 });
  t.equal((await client.get(body.id)).body.status.queuePosition, 1);
  const gone = await create();
  t.equal((await client.get(gone)).body.status.queuePosition, 2);
  t.equal((await client.call('DELETE', `/v1/sandboxes/${gone}`)).status, 202);
  t.equal(await starts.getJob(`start-${gone}`), undefined, 'deleted while it waits, it is taken out');
  t.equal((await client.get(gone)).status, 404);
  first.kill('SIGCONT');
  t.match((await client.waitFor(body.id, 'ready')).body.status, { phase: 'ready', host: 'first', queuePosition: null });
  t.equal(await starts.count(), 0);
});

t.test('two workers share one queue', async (t) => {
  await startWorker('second', 1000);
  const ids = await createMany(20);
  for (const id of ids) await client.waitFor(id, 'ready');
  const hosts = await hostsOf(ids);
  for (const worker of workers) {
    const own = ids.filter((_id, i) => hosts[i] === worker.name);
    t.ok(own.length >= 5, `${worker.name} has ${own.length} of 20`);
    const running = await worker.running();
    t.same(
      ids.filter((id) => running.includes(id)),
      own,
      'and runs those that it has, no other',
    );
  }
});

t.test('four creates at once over two idle hosts are not all taken by one', async (t) => {
  const ids = await createMany(4);
  for (const id of ids) await client.waitFor(id, 'ready');
  t.same([...new Set(await hostsOf(ids))].sort(), ['first', 'second'], 'each takes what it has slots for');
});

t.test('creates one after the other do not all go to one of two idle hosts', async (t) => {
  const seen = new Set<string | null>();
  for (let i = 0; i < 30 && seen.size < 2; i += 1) {
    const { body } = await client.waitFor(await create(), 'ready');
    seen.add(body.status.host);
  }
  t.same([...seen].sort(), ['first', 'second']);
});

t.test('one is killed in the middle of starts: the other finishes them, none twice', async (t) => {
  const ids = await createMany(10);
  const [second] = workers.filter(({ name }) => name === 'second') as [WorkerProcess];
  while ((await idsOn('second', ids, 'provisioning')).length === 0) await delay(10);
  second.kill('SIGKILL');
  const killedAt = performance.now();
  for (const id of ids) {
    const { body } = await client.waitFor(id, 'ready');
    t.equal(body.status.phase, 'ready');
  }
  t.comment(`all ready ${Math.round(performance.now() - killedAt)} ms after the kill`);
  const hosts = await hostsOf(ids);
  const running = await first.running();
  for (const [i, id] of ids.entries()) {
    // What the other had ready when it died is its own, and comes back with it.
    t.equal(running.includes(id), hosts[i] === 'first', `${id} on ${hosts[i]}`);
  }
  t.ok(hosts.filter((host) => host === 'first').length >= 5, 'what was being started moved over');
});

t.test(
  'one stands still in the middle of starts for so long that the other takes them over: it gives them up',
  async (t) => {
    const third = await startWorker('third', 2000);
    const ids = await createMany(8);
    let begun: string[] = [];
    while (begun.length === 0) begun = await idsOn('third', ids, 'provisioning');
    third.kill('SIGSTOP');
    for (const id of ids) await client.waitFor(id, 'ready');
    t.same(await idsOn('first', begun, 'ready'), begun, 'the other has brought them up');
    third.kill('SIGCONT');
    // It goes on where it stood, finds that they are not its own any more, and removes what it had made of them.
    await until(async () => (await third.running()).every((id) => !begun.includes(id)));
    await until(async () => (await starts.getActiveCount()) === 0);
    t.same(await third.running(), await idsOn('third', ids, 'ready'));
    t.same(await idsOn('first', begun, 'ready'), begun);
    const running = await first.running();
    t.ok(
      begun.every((id) => running.includes(id)),
      'each runs once',
    );
  },
);
