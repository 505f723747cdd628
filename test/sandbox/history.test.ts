import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import t from 'tap';
import { redisKeys } from '../../src/redis/keys.ts';
import { createHistory } from '../../src/sandbox/history.ts';
import type { HistoryEntry } from '../../src/schemas/history.ts';
import { startFakeService } from '../support/fake-service.ts';

t.setTimeout(60_000);
const service = await startFakeService();
t.teardown(() => service.close());

t.test('what happened to a sandbox and why, also after its deletion', async (t) => {
  const client = await service.project('team');
  const { subject } = (await client.call<{ subject: string }>('GET', '/v1/whoami')).body;
  const { id } = (await client.create({ spec: { ttlSeconds: 3600 } })).body;
  await client.call('PATCH', `/v1/sandboxes/${id}`, { labels: { seen: 'yes' } });
  // A change that changes nothing is nothing that happened.
  await client.call('PATCH', `/v1/sandboxes/${id}`, { labels: { seen: 'yes' } });
  await client.remove(id);
  const { items } = (await client.call<{ items: HistoryEntry[] }>('GET', `/v1/sandboxes/${id}/events`)).body;
  t.match(items, [
    { type: 'created', reason: 'Requested', message: `by ${subject}`, phase: 'pending' },
    { type: 'provisioning', reason: 'Scheduled', message: 'on test' },
    { type: 'ready', reason: 'WriteAccepted' },
    { type: 'updated', reason: 'Requested', message: `by ${subject}`, phase: 'ready' },
    { type: 'deleting', reason: 'Requested', message: `by ${subject}` },
    { type: 'deleted', reason: 'Removed', phase: 'deleted' },
  ]);
  const order = items.map(({ at }) => Date.parse(at));
  t.same(order, [...order].sort(), 'oldest first');
  t.equal((await client.get(id)).status, 404, 'the sandbox itself is gone');
  const left = await service.redis.ttl(`{sandplane}:project:team:history:${id}`);
  t.ok(left > 24 * 3600 - 60 && left <= 24 * 3600, `its history stays for another ${left} s`);
});

t.test('what waits says that it was created', async (t) => {
  const client = await service.project('waiting');
  const { id } = (await client.call('POST', '/v1/sandboxes', {})).body;
  const { items } = (await client.call<{ items: HistoryEntry[] }>('GET', `/v1/sandboxes/${id}/events`)).body;
  t.match(items[0], { type: 'created' });
});

t.test('an end of its own says so', async (t) => {
  const client = await service.project('expiring');
  const { id } = (await client.create({ spec: { ttlSeconds: 1 } })).body;
  const events = () => client.call<{ items: HistoryEntry[] }>('GET', `/v1/sandboxes/${id}/events`);
  while ((await events()).body.items.at(-1)?.type !== 'deleted') await delay(50);
  t.match(
    (await events()).body.items.find(({ type }) => type === 'deleting'),
    { reason: 'Expired', message: 'its time to live has ended' },
  );
});

t.test('an entry that moves from the record into the history while both are read is not missed', async (t) => {
  const note = { at: '2026-11-23T12:00:00.000Z', type: 'created', reason: 'Requested', message: '', phase: 'pending' };
  const reads: string[] = [];
  // As the first change has it: what was in the record at the first read is in the history at the next.
  const redis = {
    async lrange() {
      reads.push('history');
      return reads.length === 1 ? [] : [`1-0 ${JSON.stringify(note)}`];
    },
    async hmget() {
      reads.push('record');
      return ['team', null];
    },
  } as unknown as Redis;
  const read = createHistory({ redis, keys: redisKeys('test') });
  t.same(await read('team', 'sb-00000000000000000000'), [{ id: '1-0', ...note }]);
  t.same(reads, ['history', 'record', 'history']);
});
