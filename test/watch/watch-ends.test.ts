import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { createWatch } from '../../src/watch/watch.ts';
import { startFakeHost } from '../support/fake-host.ts';
import { startFakeService } from '../support/fake-service.ts';
import { watchAt } from '../support/watch-client.ts';

/** How watches end, and what is told to those who come back. */
t.setTimeout(120_000);
const service = await startFakeService({ SANDPLANE_WATCHES_PER_PROJECT: '20', SANDPLANE_RATE_LIMIT: '1000000' });
t.teardown(() => service.close());
const watchPath = '/v1/sandboxes/watch';
type Client = Awaited<ReturnType<typeof service.project>>;

async function open(client: Client, path = watchPath, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const answer = await fetch(`${service.url()}${path}`, {
    headers: { ...client.authorization, ...headers },
    signal: stop.signal,
  });
  return { answer, stop: () => stop.abort() };
}

t.test('who goes before the watch has begun takes no slot', async (t) => {
  const client = await service.project('hasty');
  const { port } = new URL(service.url());
  const request = `GET ${watchPath} HTTP/1.1\r\nhost: x\r\nauthorization: ${client.authorization.authorization}\r\n\r\n`;
  for (let i = 0; i < 300; i += 1) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(request);
    await delay(i % 4);
    socket.destroy();
  }
  const slots: Awaited<ReturnType<typeof open>>[] = [];
  while (slots.length < 20) {
    const one = await open(client);
    if (one.answer.status === 200) slots.push(one);
    else await delay(20);
  }
  t.equal((await open(client)).answer.status, 429, 'all twenty slots could be had');
  for (const { stop } of slots) stop();
});

t.test('one that does not read on does not keep the service from stopping', async (t) => {
  const client = await service.project('stalled');
  const { id } = (await client.create()).body;
  const another = await service.anotherApi();
  const socket = connect(Number(new URL(another.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET ${watchPath} HTTP/1.1\r\nhost: x\r\nauthorization: ${client.authorization.authorization}\r\n\r\n`);
  await new Promise((resolve) => socket.once('readable', resolve));
  // More than the buffers between hold.
  const labels = (i: number) =>
    Object.fromEntries(Array.from({ length: 60 }, (_, j) => [`l${j}`, `${'v'.repeat(50)}${i}`]));
  for (let i = 0; i < 800; i += 1) await client.call('PATCH', `/v1/sandboxes/${id}`, { labels: labels(i) });
  const began = performance.now();
  await another.close();
  const took = performance.now() - began;
  socket.destroy();
  t.ok(took < 10_000, `stopped in ${took.toFixed(0)} ms`);
});

t.test('a sandbox that is gone is not watched for ever', async (t) => {
  const client = await service.project('single');
  const { id } = (await client.create()).body;
  const path = `/v1/sandboxes/${id}/watch`;
  const first = watchAt(service.url(), client, path);
  await first.opened;
  const before = (await client.call<{ since: string }>('GET', '/v1/sandboxes')).body.since;
  await client.remove(id);
  await first.state.done;
  const { answer } = await open(client, path, { 'last-event-id': first.state.lastId ?? '' });
  t.equal(answer.status, 404, 'as browsers come back after the end');
  const late = watchAt(service.url(), client, `${path}?since=${before}`);
  await late.state.done;
  t.equal(late.seen.at(-1)?.type, 'deleted', 'who has not seen the end is told');
});

t.test('a position of an earlier project of the same name', async (t) => {
  const earlier = await service.project('reborn');
  await earlier.create();
  const { since } = (await earlier.call<{ since: string }>('GET', '/v1/sandboxes')).body;
  await service.admin.call('DELETE', '/v1/projects/reborn?sandboxes=delete');
  while ((await service.admin.call('GET', '/v1/projects/reborn')).status !== 404) await delay(20);
  const client = await service.project('reborn');
  await client.create();
  const { answer } = await open(client, `${watchPath}?since=${since}`);
  t.equal(answer.status, 410);
});

t.test('410 has what the watch is about', async (t) => {
  const client = await service.project('narrow');
  const [one, other] = [(await client.create({ labels: { env: 'prod' } })).body, (await client.create()).body];
  type Expired = Problem & { fresh: { items: Sandbox[] } };
  const fresh = async (path: string) =>
    (await client.call<Expired>('GET', `${path}since=99999999999999-0`)).body.fresh.items.map(({ id }) => id);
  t.same(await fresh(`${watchPath}?label=env&`), [one.id]);
  t.same(await fresh(`/v1/sandboxes/${other.id}/watch?`), [other.id]);
});

t.test('the header of a resumed watch comes at once, as lines too', async (t) => {
  const client = await service.project('lines');
  await client.create();
  const { since } = (await client.call<{ since: string }>('GET', '/v1/sandboxes')).body;
  const lines = { accept: 'application/x-ndjson' };
  const { answer, stop } = await open(client, `${watchPath}?since=${since}`, lines);
  const first = await answer.body?.pipeThrough(new TextDecoderStream()).getReader().read();
  t.same(JSON.parse(first?.value ?? ''), { type: 'bookmark', id: since });
  stop();
});

t.test('the watch of the admin ends with the project', async (t) => {
  await service.project('ending');
  const watching = await fetch(`${service.url()}${watchPath}`, {
    headers: { ...service.admin.authorization, 'sandplane-project': 'ending' },
  });
  t.equal(watching.status, 200);
  await service.admin.call('DELETE', '/v1/projects/ending');
  await watching.text().catch(() => undefined);
  t.pass('it has ended');
});

t.test('who gets nothing of what happens sees that it lives, and where it is', async (t) => {
  const host = await startFakeHost();
  t.teardown(() => host.close());
  const { redis, keys, changes, store, service: sandboxes } = host;
  const watchSandboxes = createWatch({
    redis,
    keys,
    changes,
    store,
    maxWatchers: { project: 10, all: 10 },
    heartbeatMs: 200,
  });
  const body = { spec: { apiServer: { extraArgs: {}, featureGates: {}, runtimeConfig: {} }, etcd: { extraArgs: {} } } };
  const caller = { project: 'default', subject: 'test' };
  const { id } = await sandboxes.create(caller, body as never);
  const stop = new AbortController();
  const watch = await watchSandboxes('default', { label: ['never'] }, stop.signal);
  let isBusy = true;
  const patching = (async () => {
    for (let i = 0; isBusy; i += 1) {
      await sandboxes.patch(caller, id, { name: `n${i}` });
      await delay(50);
    }
  })();
  const ids: (string | null)[] = [];
  for await (const item of watch) {
    t.equal(item.type, 'bookmark');
    // Between two of them, nothing may have happened.
    if (item.id !== ids.at(-1)) ids.push(item.id);
    if (ids.length === 4) break;
  }
  isBusy = false;
  await patching;
  stop.abort();
  await host.quiet();
  t.equal(new Set(ids).size, 4, 'each is further on');
});

t.test('who was away for longer than the event log keeps is told', async (t) => {
  const host = await startFakeHost();
  t.teardown(() => host.close());
  const { redis, keys, changes, store, service: sandboxes } = host;
  const body = { spec: { apiServer: { extraArgs: {}, featureGates: {}, runtimeConfig: {} }, etcd: { extraArgs: {} } } };
  const caller = { project: 'default', subject: 'test' };
  let isAway = false;
  const flaky = new Proxy(redis, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) =>
        isAway && name === 'xrange' ? Promise.reject(new Error('away')) : value.apply(target, given);
    },
  });
  const watchSandboxes = createWatch({ redis: flaky, keys, changes, store, maxWatchers: { project: 10, all: 10 } });
  const { id } = await sandboxes.create(caller, body as never);
  await host.quiet();
  const stop = new AbortController();
  const watch = await watchSandboxes('default', {}, stop.signal);
  const versions: number[] = [];
  const reading = (async () => {
    for await (const { line } of watch) {
      const { sandbox } = JSON.parse(line) as { sandbox: Sandbox | null };
      if (sandbox) versions.push(Number(sandbox.resourceVersion));
    }
  })();
  await sandboxes.patch(caller, id, { name: 'seen' });
  while (versions.length < 2) await delay(10);
  isAway = true;
  for (let i = 0; i < 150; i += 1) await sandboxes.patch(caller, id, { name: `missed-${i}` });
  await redis.xtrim(keys.eventLog('default'), 'MAXLEN', 20);
  isAway = false;
  await t.rejects(reading, { code: 'watch_expired' }, 'it ends, and the next is answered by 410');
  t.same(
    versions,
    versions.map((_one, i) => (versions[0] ?? 0) + i),
    'and nothing was left out before',
  );
  stop.abort();
});
