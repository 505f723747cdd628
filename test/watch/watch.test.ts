import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { startFakeService } from '../support/fake-service.ts';
import { until } from '../support/until.ts';
import { type Seen, watchAt } from '../support/watch-client.ts';

t.setTimeout(240_000);
const service = await startFakeService({
  SANDPLANE_FEED_LENGTH: '300',
  SANDPLANE_RATE_LIMIT: '1000000',
  SANDPLANE_WATCHES_PER_PROJECT: '2100',
});
t.teardown(() => service.close());

const watch = (client: { authorization: Record<string, string> }, path: string, lastId?: string) =>
  watchAt(service.url(), client, path, lastId);

const versionsOf = (seen: readonly Seen[]) => seen.flatMap(({ sandbox }) => sandbox?.resourceVersion ?? []);

t.test('a watch tells what is there, then each change once and in order', async (t) => {
  const client = await service.project('plain');
  const { body } = await client.create({ name: 'first' });
  const all = watch(client, '/v1/sandboxes/watch');
  await all.opened;
  await until(() => all.seen.length === 1);
  t.match(all.seen[0], { type: 'added', sandbox: { name: 'first' } });
  for (const name of ['a', 'b', 'c']) await client.call('PATCH', `/v1/sandboxes/${body.id}`, { name });
  const second = await client.create({ name: 'second' });
  await client.remove(body.id);
  await until(() => all.seen.some(({ type }) => type === 'deleted'));
  const ofFirst = all.seen.filter(({ sandbox }) => sandbox?.id === body.id);
  t.same(versionsOf(ofFirst).map(Number), [3, 4, 5, 6, 7, 8]);
  t.match(ofFirst.at(-1), { type: 'deleted', sandbox: { status: { phase: 'deleted' } } });
  const ofSecond = all.seen.filter(({ sandbox }) => sandbox?.id === second.body.id);
  t.match(
    ofSecond.map(({ type }) => type),
    ['added', 'modified', 'modified'],
  );
  all.stop();
});

t.test('listed and then watched from there, nothing is missed', async (t) => {
  const client = await service.project('listed');
  const { body } = await client.create();
  const list = await client.call<{ since: string }>('GET', '/v1/sandboxes');
  await client.call('PATCH', `/v1/sandboxes/${body.id}`, { name: 'between' });
  const rest = watch(client, `/v1/sandboxes/watch?since=${list.body.since}`);
  await until(() => rest.seen.length === 1);
  t.match(rest.seen, [{ type: 'modified', sandbox: { name: 'between' } }]);
  rest.stop();
});

t.test('a project of whatever name is told of its changes', async () => {
  const [named, other] = [await service.project('error'), await service.project('plainly')];
  const watching = watch(other, '/v1/sandboxes/watch');
  await watching.opened;
  const { body } = await named.create();
  await named.waitFor(body.id, 'ready');
  await other.create();
  await until(() => watching.seen.length > 0);
  watching.stop();
});

t.test('one sandbox, to its end', async (t) => {
  const client = await service.project('single');
  const [one, other] = [(await client.create()).body, (await client.create()).body];
  const only = watch(client, `/v1/sandboxes/${one.id}/watch`);
  await until(() => only.seen.length === 1);
  await client.call('PATCH', `/v1/sandboxes/${other.id}`, { name: 'other' });
  await client.remove(one.id);
  await only.state.done;
  t.ok(only.seen.every(({ sandbox }) => sandbox?.id === one.id));
  t.equal(only.seen.at(-1)?.type, 'deleted', 'it ends by itself');
});

t.test('by label: who comes to match is added, who no longer does is deleted', async (t) => {
  const client = await service.project('labelled');
  const { body } = await client.create({ labels: { env: 'dev' } });
  const prod = watch(client, `/v1/sandboxes/watch?label=${encodeURIComponent('env in (prod)')}`);
  await prod.opened;
  const label = (env: string) => client.call('PATCH', `/v1/sandboxes/${body.id}`, { labels: { env } });
  for (const env of ['test', 'prod']) await label(env);
  await label('prod');
  t.equal((await client.get(body.id)).body.resourceVersion, '5', 'a patch that changes nothing makes no version');
  await client.call('PATCH', `/v1/sandboxes/${body.id}`, { name: 'in-prod' });
  for (const env of ['dev', 'test']) await label(env);
  await label('prod');
  await until(() => prod.seen.length >= 4);
  t.same(
    prod.seen.map(({ type }) => type),
    ['added', 'modified', 'deleted', 'added'],
  );
  prod.stop();
});

t.test('as lines of JSON', async (t) => {
  const client = await service.project('lines');
  await client.create({ name: 'line' });
  const response = await fetch(`${service.url()}/v1/sandboxes/watch`, {
    headers: { ...client.authorization, accept: 'application/x-ndjson' },
  });
  t.match(response.headers.get('content-type'), 'application/x-ndjson');
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (text.split('\n').length < 3) text += (await reader?.read())?.value ?? '';
  const [first, second] = text.split('\n').map((line) => JSON.parse(line || '{}') as Seen);
  t.match(first, { type: 'added', id: null, sandbox: { name: 'line' } });
  t.match(second, { type: 'bookmark', id: /^\d+-\d+$/, sandbox: undefined }, 'from here on, it can be resumed');
  await reader?.cancel();
});

t.test('too long ago: 410 with a fresh list, and how to go on', async (t) => {
  const client = await service.project('old');
  const { body } = await client.create();
  const { since } = (await client.call<{ since: string }>('GET', '/v1/sandboxes')).body;
  for (let i = 0; i < 500; i += 1) await client.call('PATCH', `/v1/sandboxes/${body.id}`, { name: `n${i}` });
  type Expired = Problem & { fresh: { items: Sandbox[]; since: string; complete: boolean } };
  for (const [query, headers] of [
    [`?since=${since}`, {}],
    ['', { 'last-event-id': since }],
    ['?since=99999999999999-0', {}],
  ] as const) {
    const gone = await client.call<Expired>('GET', `/v1/sandboxes/watch${query}`, undefined, headers);
    t.match(gone.body, { status: 410, code: 'watch_expired', fresh: { complete: true, items: [{ name: 'n499' }] } });
    const again = watch(client, `/v1/sandboxes/watch?since=${gone.body.fresh.since}`);
    await again.opened;
    t.equal(again.state.status, 200);
    again.stop();
  }
  const bad = await client.call('GET', '/v1/sandboxes/watch', undefined, { 'last-event-id': 'yesterday' });
  t.match(bad.body, { code: 'invalid_cursor', errors: [{ pointer: '#header/last-event-id' }] });
});

t.test('too many watchers', async (t) => {
  const small = await startFakeService({ SANDPLANE_WATCHES_PER_PROJECT: '2' });
  t.teardown(() => small.close());
  const open = () => fetch(`${small.url()}/v1/sandboxes/watch`, { headers: small.admin.authorization });
  const [one, two] = [await open(), await open()];
  const third = await small.admin.call('GET', '/v1/sandboxes/watch');
  t.match(third.body, { status: 429, code: 'too_many_watchers', limit: { name: 'watchers', value: 2 } });
  await one.body?.cancel();
  let again = await open();
  for (; again.status !== 200; again = await open()) await delay(20);
  t.pass('one that ends makes room');
  for (const response of [two, again]) await response.body?.cancel();
});
