import t from 'tap';
import { componentExited } from '../../src/runtime/component-errors.ts';
import { newSandboxId } from '../../src/sandbox/record.ts';
import { startFakeHost } from '../support/fake-host.ts';
import { aSandbox } from '../support/requests.ts';

const kiB = 1024;
const caller = { project: 'default', subject: 'test' };
/** As kube-apiserver ends: long lines. */
const log = Array.from({ length: 50 }, (_, i) => `E1201 10:24:41.000000       1 line ${i} ${'of its log '.repeat(15)}`);

const failing = new Set<string>();
const host = await startFakeHost({
  async onStart({ sandboxId }, { name }) {
    if (name === 'kube-apiserver' && failing.has(sandboxId)) throw componentExited(name, { exitCode: 1 }, log);
  },
});
t.teardown(() => host.close());
const { redis, keys, service } = host;

/** What Redis has of one sandbox alone: its event log and audit log, which have bounds of their own, are its project's. */
async function bytesOf(id: string): Promise<number> {
  const found = await redis.keys(`*${id}*`);
  const sizes = await Promise.all(found.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)));
  return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
}

async function created(fails: boolean): Promise<string> {
  const id = newSandboxId();
  if (fails) failing.add(id);
  await service.create(caller, { ...aSandbox, name: 'a-name', labels: { team: 'ci', run: '1234' } }, { id });
  await host.quiet();
  return id;
}

t.test('one that has failed takes at most 4 KiB of Redis, and says why', async (t) => {
  const id = await created(true);
  const { status } = await service.get('default', id);
  t.equal(status.phase, 'failed');
  t.ok(status.failure?.logTail.at(-1)?.startsWith('E1201 10:24:41.000000       1 line 49'), 'the end of its log');
  const bytes = await bytesOf(id);
  t.comment(`${bytes} bytes`);
  t.ok(bytes <= 4 * kiB, `${bytes} bytes`);
});

t.test('one that was deleted takes at most 2 KiB for a day', async (t) => {
  for (const fails of [true, false]) {
    const id = await created(fails);
    await service.remove(caller, id);
    await host.quiet();
    t.match((await service.history('default', id)).at(-1), { type: 'deleted' });
    t.match(await service.wait('default', id, 'deleted', 1000, new AbortController().signal), { id });
    const bytes = await bytesOf(id);
    t.ok(bytes <= 2 * kiB, `${bytes} bytes`);
  }
});

t.test('of a project that deletes ever more, the last 5,000 are kept', async (t) => {
  const [first, second] = [`sb-${'f'.repeat(20)}`, `sb-${'s'.repeat(20)}`];
  const now = Date.now();
  const others = Array.from({ length: 4998 }, (_, i) => [now, `sb-${i}`]).flat();
  await redis.del(keys.deleted('default'));
  await redis.zadd(keys.deleted('default'), now - 2000, first, now - 1000, second, ...others);
  for (const id of [first, second]) await redis.rpush(keys.history('default', id), '1-0 {}');
  const id = await created(false);
  await service.remove(caller, id);
  await host.quiet();
  await t.rejects(service.history('default', first), { code: 'not_found' });
  t.equal((await service.history('default', second)).length, 1);
  t.match((await service.history('default', id)).at(-1), { type: 'deleted' });
});
