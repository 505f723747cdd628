import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { idempotencyFields } from '../../src/redis/fields.ts';
import { startFakeService } from '../support/fake-service.ts';
import { entryOf, loseAnswer } from '../support/idempotency-entry.ts';

t.setTimeout(60_000);
let startMs = 0;
const service = await startFakeService({}, { startMs: () => startMs });
t.teardown(() => service.close());
const client = await service.project('team');
const idsNamed = async (wanted: string) =>
  (await client.list()).body.items.filter(({ name }) => name === wanted).map(({ id }) => id);

async function begun(key: string): Promise<void> {
  while ((await service.redis.exists(entryOf(key, 'team'))) === 0) await delay(5);
}

t.test('an API that stops while it waits has made the sandbox: the repeat finds it', async (t) => {
  const another = await service.anotherApi();
  startMs = 60_000;
  const headers = { ...client.authorization, 'idempotency-key': 'stopped', 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'one' });
  const first = fetch(`${another.url}/v1/sandboxes`, {
    method: 'POST',
    headers: { ...headers, prefer: 'wait=30' },
    body,
  });
  while ((await idsNamed('one')).length === 0) await delay(5);
  await another.close();
  t.equal((await first).status, 503);
  const again = await client.call('POST', '/v1/sandboxes', body, { 'idempotency-key': 'stopped' });
  t.equal(again.status, 202);
  t.same(await idsNamed('one'), [again.body.id], 'one sandbox');
  startMs = 0;
  await client.remove(again.body.id);
});

t.test('a key that ends while its create waits has made the sandbox', async (t) => {
  startMs = 60_000;
  const made = await client.call<{ id: string; secret: string }>('POST', '/v1/projects/team/keys', { name: 'short' });
  const send = (key: string) =>
    service.as(key).call('POST', '/v1/sandboxes', { name: 'kept' }, { 'idempotency-key': 'kept', prefer: 'wait=30' });
  const first = send(made.body.secret);
  while ((await idsNamed('kept')).length === 0) await delay(5);
  await client.call('DELETE', `/v1/projects/team/keys/${made.body.id}`);
  const { status, body } = await first;
  t.equal(status, 202);
  const again = await send(client.authorization.authorization?.slice(7) ?? '');
  t.same([again.status, again.body.id], [202, body.id], 'the same answer');
  t.same(await idsNamed('kept'), [body.id]);
  startMs = 0;
  await client.remove(body.id);
});

t.test('one that was cut off is taken over by one of its repeats', async (t) => {
  startMs = 60_000;
  const send = (wait = '0') =>
    client.call('POST', '/v1/sandboxes', { name: 'cut' }, { 'idempotency-key': 'cut', prefer: `wait=${wait}` });
  const first = send('20');
  await begun('cut');
  t.match(await send(), { status: 409, body: { code: 'idempotency_in_flight' } });
  // As if its process had not been heard of for ten seconds. It lives, and its next heartbeat is to count for nothing.
  const silent = { [idempotencyFields.owner]: 'gone', [idempotencyFields.heardOfAt]: String(Date.now() - 10_000) };
  await service.redis.hset(entryOf('cut', 'team'), silent);
  const repeats = await Promise.all(Array.from({ length: 10 }, () => send()));
  const taken = repeats.filter(({ status }) => status === 202);
  t.ok(taken.length >= 1, 'taken over, by one; the others are told to wait, or get its answer');
  t.same(new Set(taken.map(({ body }) => body.id)).size, 1);
  t.equal((await idsNamed('cut')).length, 1);
  startMs = 0;
  await client.remove(taken[0]?.body.id ?? '');
  t.equal((await first).body.id, taken[0]?.body.id, 'the one that was too slow has the same sandbox');
  t.match(await send(), { status: 202, body: { id: taken[0]?.body.id } }, 'and its end changes nothing');
});

t.test('what was refused may be corrected', async (t) => {
  const headers = { 'idempotency-key': 'corrected' };
  const refused = await client.call('POST', '/v1/sandboxes', { spec: { kubernetesVersion: '9.9.9' } }, headers);
  t.match(refused.body, { code: 'unsupported_version' });
  t.equal((await client.call('POST', '/v1/sandboxes', { name: 'right' }, headers)).status, 202);
});

t.test('a project has so many answers kept, the newest', async (t) => {
  const send = (key: string) => client.call('POST', '/v1/sandboxes', { name: key }, { 'idempotency-key': key });
  const [oldest, next] = [await send('oldest'), await send('next')];
  // With these two as many as are kept, all of them newer.
  const fill = `for i = 3, 100000 do redis.call('ZADD', KEYS[1], ARGV[1] + i, 'key-' .. i) end`;
  const index = '{sandplane}:project:team:idempotency-keys';
  const known = (await service.redis.zcard(index)) - 2;
  await service.redis.zpopmin(index, known);
  await service.redis.eval(fill, 1, index, String(Date.now()));
  await send('newest');
  t.equal((await send('next')).body.id, next.body.id);
  t.equal(await service.redis.exists(entryOf('oldest', 'team')), 0);
  t.not((await send('oldest')).body.id, oldest.body.id, 'what was forgotten is done anew');
  t.equal(await service.redis.zcard(index), 100_000);
  await service.redis.del(index);
  await client.deleteAll();
});

t.test('a project whose answer was lost is made once', async (t) => {
  const send = () =>
    service.admin.call<{ uid: string }>('POST', '/v1/projects', { name: 'lost' }, { 'idempotency-key': 'lost' });
  const first = await send();
  await loseAnswer(service.redis, 'lost', 'default');
  const again = await send();
  t.match([again.status, again.body.uid], [201, first.body.uid]);
});
