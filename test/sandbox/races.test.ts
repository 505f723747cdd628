import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { AppError } from '../../src/errors.ts';
import { startFakeHost } from '../support/fake-host.ts';
import { aSandbox } from '../support/requests.ts';

t.setTimeout(120_000);
const caller = { project: 'default', subject: 'test' };
const never = new AbortController().signal;

t.test('a deletion that races its create, a thousand times', async (t) => {
  const host = await startFakeHost({ onStart: async () => void (await delay(Math.random() * 3)), slots: 16 });
  t.teardown(() => host.close());
  const one = async () => {
    const { id } = await host.service.create(caller, aSandbox);
    await delay(Math.random() * 12);
    await host.service.remove(caller, id);
    await host.service.wait('default', id, 'deleted', 30_000, never).catch((error: unknown) => {
      // Gone before the waiting began.
      if (!(error instanceof AppError && error.code === 'not_found')) throw error;
    });
  };
  for (let i = 0; i < 20; i += 1) await Promise.all(Array.from({ length: 50 }, one));
  await host.quiet();
  t.same(await host.runtime.observe(), [], 'nothing runs');
  const left = (await host.redis.keys('*')).filter((key) =>
    /:sandbox:|:sandboxes$|:ports$|:unstarted:|:(start|restart|delete)-sb-|usage-now$/.test(key),
  );
  t.same(left, [], 'no record, port lease, job or waiting is left, and nothing counts as awake');
  const counters = await host.redis.hgetall(host.keys.project('default'));
  t.match(
    counters,
    { 'used:sandboxes': '0', 'used:awake': '0', 'used:memoryMiB': '0', 'used:diskMiB': '0' },
    'the counters are back at nothing',
  );
});

t.test('jobs that come twice, late and for nothing make one sandbox', async (t) => {
  let starts = 0;
  const host = await startFakeHost({
    async onStart() {
      starts += 1;
      return undefined;
    },
  });
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  await Promise.all(Array.from({ length: 20 }, () => host.work(id)));
  await host.service.wait('default', id, 'ready', 10_000, never);
  await host.work(id);
  await host.work('sb-00000000000000000000');
  await host.quiet();
  t.equal(starts, 2, 'etcd and kube-apiserver, once each');
});

t.test('at most so many start at once, and the others know their position', async (t) => {
  let starting = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const host = await startFakeHost({
    slots: 2,
    async onStart(_plan, { name }) {
      if (name !== 'etcd') return undefined;
      starting += 1;
      most = Math.max(most, starting);
      await gate.promise;
      starting -= 1;
      return undefined;
    },
  });
  t.teardown(() => host.close());
  const ids: string[] = [];
  for (let i = 0; i < 5; i += 1) ids.push((await host.service.create(caller, aSandbox)).id);
  while (starting < 2) await delay(5);
  const positions = async () => {
    const { items } = await host.service.list('default', { limit: 10 });
    const positionOf = new Map(items.map(({ id, status }) => [id, status.queuePosition]));
    return ids.map((id) => positionOf.get(id));
  };
  t.same(await positions(), [null, null, 1, 2, 3], 'first come, first served, also within a millisecond');
  gate.resolve();
  for (const id of ids) await host.service.wait('default', id, 'ready', 10_000, never);
  t.equal(most, 2);
  t.same(await positions(), [null, null, null, null, null]);
});

t.test('a sweep finds work whose job was lost, and what no record owns', async (t) => {
  const host = await startFakeHost();
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  await host.service.wait('default', id, 'ready', 10_000, never);
  await host.quiet();
  const record = await host.redis.hgetall(host.keys.sandbox(id));
  const wanted = { ...JSON.parse(record.i ?? ''), desired: 'deleted' };
  await host.redis.hset(host.keys.sandbox(id), 'i', JSON.stringify(wanted));
  await host.sweep();
  await host.quiet();
  t.same(await host.runtime.observe(), [], 'a deletion that no job came for');

  const second = await host.service.create(caller, aSandbox);
  await host.service.wait('default', second.id, 'ready', 10_000, never);
  await host.redis.del(host.keys.sandbox(second.id));
  await host.sweep();
  t.same(await host.runtime.observe(), [], 'components without a record');
});

t.test('a sweep finds what waits and has lost its job, and what ends while it waits', async (t) => {
  const gate = Promise.withResolvers<undefined>();
  const host = await startFakeHost({ slots: 1, onStart: () => gate.promise });
  t.teardown(() => host.close());
  const first = await host.service.create(caller, aSandbox);
  while ((await host.service.get('default', first.id)).status.phase === 'pending') await delay(5);
  const [lost, deleted] = [await host.service.create(caller, aSandbox), await host.service.create(caller, aSandbox)];
  const ending = await host.service.create(caller, { spec: { ...aSandbox.spec, ttlSeconds: 1 } });
  await host.service.remove(caller, deleted.id);
  await host.starts.remove(`start-${lost.id}`);
  await delay(1000);
  await host.sweep();
  for (const { id } of [deleted, ending]) {
    await t.rejects(host.service.get('default', id), { code: 'not_found' });
  }
  gate.resolve(undefined);
  await host.service.wait('default', lost.id, 'ready', 10_000, never);
  t.equal((await host.service.get('default', first.id)).status.phase, 'ready');
});

t.test('taken ports are skipped, and a passing failure is tried again', async (t) => {
  let refusals = 3;
  const host = await startFakeHost({
    async onStart(_plan, { name }) {
      if (name === 'kube-apiserver' && refusals-- > 0) throw new AppError('port_taken', 'taken');
      return undefined;
    },
  });
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  const ready = await host.service.wait('default', id, 'ready', 20_000, never);
  t.match(ready.status, { phase: 'ready', failure: null });
  await host.quiet();
  t.equal(await host.redis.hlen(host.keys.ports('fake-host')), 1, 'the ports that were refused are given back');
});

t.test('several that find the same port get one each, and give it back', async (t) => {
  const count = 8;
  let looking = 0;
  const gate = Promise.withResolvers<void>();
  const host = await startFakeHost({
    slots: count,
    ports: { first: 40_000, last: 40_000 + count - 1 },
    async isFree() {
      looking += 1;
      if (looking === count) gate.resolve();
      await gate.promise;
      return true;
    },
  });
  t.teardown(() => host.close());
  const made = await Promise.all(Array.from({ length: count }, () => host.service.create(caller, aSandbox)));
  const ready = await Promise.all(made.map(({ id }) => host.service.wait('default', id, 'ready', 30_000, never)));
  t.equal(new Set(ready.map(({ status }) => status.endpoint)).size, count, 'no two have the same address');
  t.ok(looking > count, 'some had to look again');
  await Promise.all(made.map(({ id }) => host.service.remove(caller, id)));
  await host.quiet();
  t.equal(await host.redis.hlen(host.keys.ports('fake-host')), 0);
});

t.test('a worker that dies before it has claimed a sandbox leaves it no port', async (t) => {
  const looked = Promise.withResolvers<void>();
  const host = await startFakeHost({
    async isFree() {
      looked.resolve();
      throw new Error('as a worker that dies here');
    },
  });
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  await looked.promise;
  await host.service.remove(caller, id);
  await host.quiet();
  t.equal(await host.redis.hlen(host.keys.ports('fake-host')), 0, 'nobody leases a port');
});

t.test('one that was ready keeps its address through a restart', async (t) => {
  let refusals = 0;
  const host = await startFakeHost({
    async onStart(_plan, { name }) {
      if (name === 'kube-apiserver' && refusals-- > 0) throw new AppError('port_taken', 'taken');
      return undefined;
    },
  });
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  const { endpoint } = (await host.service.wait('default', id, 'ready', 10_000, never)).status;
  await host.quiet();
  refusals = 2;
  host.break(id);
  await host.sweep();
  await host.service.wait('default', id, 'degraded', 10_000, never);
  const again = await host.service.wait('default', id, 'ready', 20_000, never);
  t.match(again.status, { endpoint, restarts: 1 });
});

t.test('a failure of its own is final, told, and leaves nothing running', async (t) => {
  const host = await startFakeHost({
    onStart: async (_plan, { name }) => (name === 'kube-apiserver' ? { diesWith: 'unknown flag' } : undefined),
  });
  t.teardown(() => host.close());
  const { id } = await host.service.create(caller, aSandbox);
  const failed = await host.service.wait('default', id, 'failed', 10_000, never);
  t.match(failed.status.failure, {
    code: 'component_exited',
    component: 'kube-apiserver',
    logTail: [/./, 'unknown flag'],
  });
  await host.quiet();
  const [observed] = await host.runtime.observe(id);
  t.ok(observed?.components.every(({ state }) => state === 'exited'));
  await t.rejects(host.service.wait('default', id, 'ready', 1000, never), { code: 'phase_unreachable' });
});
