import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import { startFakeService } from '../support/fake-service.ts';

t.setTimeout(120_000);
let startMs = 0;
const service = await startFakeService({ SANDPLANE_START_CONCURRENCY: '4' }, { startMs: () => startMs });
t.teardown(() => service.close());

type Client = Awaited<ReturnType<typeof service.project>>;
const used = async (name: string) =>
  (await service.admin.call<{ used: object }>('GET', `/v1/projects/${name}`)).body.used;

async function createMany(client: Client, count: number) {
  const answers = await Promise.all(
    Array.from({ length: count }, () => client.call<Problem & { id: string }>('POST', '/v1/sandboxes', {})),
  );
  return {
    accepted: answers.filter(({ status }) => status === 202),
    refused: answers.filter(({ status }) => status === 429),
  };
}

for (const round of [1, 2, 3]) {
  t.test(`200 creates at once against a quota of 50, round ${round}`, async (t) => {
    const name = `round-${round}`;
    const client = await service.project(name, ['admin'], {
      sandboxes: 50,
      awake: 1000,
      startsPerMinute: 10_000,
      memoryMiB: 1e9,
      diskMiB: 1e9,
    });
    const { accepted, refused } = await createMany(client, 200);
    t.equal(accepted.length, 50);
    t.equal(refused.length, 150);
    t.match(refused[0]?.body, { code: 'quota_exceeded', limit: { name: 'sandboxes', value: 50, used: 50 } });
    t.match(refused[0]?.body.detail, /sandboxes.*50.*Delete one/);
    t.equal((await client.list()).body.items.length, 50, 'and no more were made');
    await client.deleteAll();
    t.match(await used(name), { sandboxes: 0, awake: 0, memoryMiB: 0, diskMiB: 0 }, 'all is given back');
  });
}

for (const [limit, quotas, body] of [
  ['awake', { awake: 1 }, {}],
  ['memoryMiB', { memoryMiB: 4000 }, {}],
  ['diskMiB', { diskMiB: 5000 }, {}],
  ['startsPerMinute', { startsPerMinute: 1 }, {}],
] as const) {
  t.test(`the limit ${limit}`, async (t) => {
    const client = await service.project(`by-${limit.toLowerCase()}`, ['admin'], quotas);
    t.equal((await client.create(body)).status, 201);
    const refused = await client.call<Problem>('POST', '/v1/sandboxes', body);
    t.equal(refused.status, 429);
    t.match(refused.body, { code: 'quota_exceeded', limit: { name: limit, value: Number } });
    if (limit === 'startsPerMinute') t.ok(Number(refused.headers.get('retry-after')) > 50);
    t.equal((await client.list()).body.items.length, 1);
  });
}

t.test('the longest time to live', async (t) => {
  const client = await service.project('by-ttl', ['admin'], { maxTtlSeconds: 600 });
  const plain = await client.create({});
  t.match(plain.body, { spec: { ttlSeconds: 600 }, expiresAt: String }, 'who asks for none gets the longest');
  for (const ttlSeconds of [601, null]) {
    const refused = await client.call<Problem>('POST', '/v1/sandboxes', { spec: { ttlSeconds } });
    t.match(refused.body, { code: 'quota_exceeded', limit: { name: 'maxTtlSeconds', value: 600 } });
    t.equal(refused.body.errors?.[0]?.pointer, '/spec/ttlSeconds');
    const longer = await client.call<Problem>('PATCH', `/v1/sandboxes/${plain.body.id}`, { spec: { ttlSeconds } });
    t.match(longer.body, { code: 'quota_exceeded', limit: { name: 'maxTtlSeconds' } });
  }
});

t.test('a clock that is set back holds nobody up', async (t) => {
  const client = await service.project('by-clock', ['admin'], { startsPerMinute: 2 });
  const counters = '{sandplane}:project:by-clock';
  const later = Date.now() + 3_600_000;
  await service.redis.hset(counters, 'startsAt', String(later), 'usage', `0:${later}:0:0`);
  const refused = await client.call<Problem>('POST', '/v1/sandboxes', {});
  t.ok(Number(refused.headers.get('retry-after')) <= 31, 'at most until the next one of two in a minute');
  await service.redis.hdel(counters, 'startsAt');
  t.equal((await client.create()).status, 201);
  t.match(await service.redis.hget(counters, 'usage'), /^1:\d+:0:1$/, 'and what is used is still counted');
});

t.test('etcd cannot be told to have no limit', async (t) => {
  const client = await service.project('no-limit');
  for (const bytes of ['-1', '0', 'many', '1e30']) {
    const spec = { etcd: { extraArgs: { 'quota-backend-bytes': bytes } } };
    t.match((await client.call('POST', '/v1/sandboxes', { spec })).body, { code: 'argument_not_allowed' }, bytes);
  }
});

t.test('requests of a project in a minute', async (t) => {
  const small = await startFakeService({ SANDPLANE_RATE_LIMIT: '5' });
  t.teardown(() => small.close());
  const first = await small.admin.call('GET', '/v1/whoami');
  t.equal(first.headers.get('ratelimit-policy'), '"requests";q=5;w=60');
  t.match(first.headers.get('ratelimit'), /^"requests";r=4;t=\d+$/);
  for (let i = 0; i < 4; i += 1) await small.admin.call('GET', '/v1/whoami');
  const refused = await small.admin.call<Problem>('POST', '/v1/sandboxes', {});
  t.match(refused.body, { status: 429, code: 'rate_limited', limit: { name: 'requests', value: 5 } });
  t.ok(Number(refused.headers.get('retry-after')) > 0);
  t.match(refused.headers.get('ratelimit'), /r=0/);
  t.same(await small.redis.keys('*:sandbox:*'), [], 'nothing was made');
});

t.test('a flood of one project does not keep another waiting', async (t) => {
  startMs = 100;
  const quotas = { sandboxes: 2000, awake: 2000, startsPerMinute: 10_000, memoryMiB: 1e9, diskMiB: 1e9 };
  const flooding = await service.project('flooding', ['admin'], quotas);
  const quiet = await service.project('quiet', ['admin'], quotas);
  const { accepted } = await createMany(flooding, 300);
  t.equal(accepted.length, 300);
  const { body } = await quiet.create();
  t.equal(body.status.phase, 'ready');
  const waiting = (await flooding.list()).body.items.filter(({ status }) => status.phase === 'pending');
  t.ok(waiting.length > 200, `${waiting.length} of the flood still wait`);
  const placed = waiting.filter(({ status }) => (status.queuePosition ?? 0) > 0);
  t.ok(placed.length >= waiting.length - 5, 'and know their place, but for those whose turn has come');
  startMs = 0;
  t.equal((await service.admin.call('DELETE', '/v1/projects/flooding?sandboxes=delete')).status, 202);
});
