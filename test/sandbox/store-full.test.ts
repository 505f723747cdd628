import t from 'tap';
import { connectForWork } from '../../src/redis/connection.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { startFakeService } from '../support/fake-service.ts';
import { temporaryFolder } from '../support/service.ts';

t.setTimeout(60_000);
const service = await startFakeService();
t.teardown(() => service.close());
const client = await service.project('team');
const limitOf = async () => ((await service.redis.config('GET', 'maxmemory')) as string[])[1];

t.test('how much it may take is a setting', async (t) => {
  const folder = await temporaryFolder();
  const server = await startEmbeddedRedis(folder, { memoryMiB: 32 });
  t.teardown(() => server.stop());
  const redis = connectForWork(server.address);
  t.teardown(() => redis.disconnect());
  t.equal(((await redis.config('GET', 'maxmemory')) as string[])[1], String(32 * 1024 * 1024));
});

t.test('a store that is full refuses what would change it, and goes on once there is room', async (t) => {
  const { id } = (await client.create({ name: 'before' })).body;
  const limit = (await limitOf()) ?? '0';
  t.ok(Number(limit) > 0, 'it never takes all of the memory of the machine');
  await service.redis.config('SET', 'maxmemory', '1');
  for (const [method, path, body] of [
    ['POST', '/v1/sandboxes', { name: 'refused' }],
    ['PATCH', `/v1/sandboxes/${id}`, { name: 'refused' }],
    ['DELETE', `/v1/sandboxes/${id}`, undefined],
  ] as const) {
    const refused = await client.call(method, path, body);
    t.match(refused, { status: 503, body: { code: 'store_unavailable' } }, method);
    t.ok(refused.headers.get('retry-after'));
  }
  t.match(
    (await client.list()).body.items.map(({ name, status }) => [name, status.phase]),
    [['before', 'ready']],
  );
  await service.redis.config('SET', 'maxmemory', limit);
  t.equal((await client.create({ name: 'after' })).status, 201);
  t.equal((await client.remove(id)).status, 200);
});
