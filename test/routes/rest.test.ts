import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { startFakeService } from '../support/fake-service.ts';
import { listenLocally } from '../support/listen-locally.ts';

/** What clients of HTTP expect of any route. */
t.setTimeout(60_000);
const service = await startFakeService({
  SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
  SANDPLANE_CORS_ORIGINS: 'https://console.example',
  SANDPLANE_TRUSTED_PROXIES: '127.0.0.1/32',
});
t.teardown(() => service.close());
const client = await service.project('team');
type Page = { items: Sandbox[]; nextCursor: string | null };

t.test('If-Match: what has changed meanwhile is not changed or removed', async (t) => {
  const hook = (await client.call('POST', '/v1/webhooks', { url: 'http://127.0.0.1:1/' })).body.id;
  const sandbox = (await client.create({ name: 'first' })).body.id;
  for (const [path, patch] of [
    [`/v1/sandboxes/${sandbox}`, { name: 'second' }],
    [`/v1/webhooks/${hook}`, { description: 'second' }],
  ] as const) {
    const before = await client.call<object>('GET', path);
    const stale = { 'if-match': before.headers.get('etag') ?? '' };
    const changed = await client.call('PATCH', path, patch, stale);
    t.match(changed, { status: 200, body: patch }, path);
    t.not(changed.headers.get('etag'), stale['if-match']);
    for (const [method, body] of [
      ['PATCH', { ...patch, ...Object.fromEntries(Object.keys(patch).map((name) => [name, 'third'])) }],
      ['DELETE', undefined],
    ] as const) {
      const refused = await client.call<Problem>(method, path, body, stale);
      const errors = [{ pointer: '#header/if-match' }];
      t.match(refused, { status: 412, body: { code: 'precondition_failed', errors } }, `${method} ${path}`);
    }
    t.match((await client.call('GET', path)).body, patch, 'it is as it was');
    const current = { 'if-match': `"other", ${changed.headers.get('etag')}` };
    t.ok((await client.call('DELETE', path, undefined, current)).status < 300);
  }
});

t.test('a merge patch adds, changes and removes', async (t) => {
  const { id } = (await client.create({ name: 'patched', labels: { a: '1', b: '2' } })).body;
  const type = { 'content-type': 'application/merge-patch+json' };
  const { body } = await client.call('PATCH', `/v1/sandboxes/${id}`, { labels: { a: null, b: '3', c: '4' } }, type);
  t.same(body.labels, { b: '3', c: '4' });
  t.equal(body.name, 'patched');
  const ended = await client.call('PATCH', `/v1/sandboxes/${id}`, { spec: { ttlSeconds: 60 } });
  t.equal(Date.parse(ended.body.expiresAt ?? '') - Date.parse(ended.body.createdAt), 60_000);
  t.equal((await client.call('PATCH', `/v1/sandboxes/${id}`, { spec: { ttlSeconds: null } })).body.expiresAt, null);
});

t.test('null takes away, and nothing changes nothing', async (t) => {
  const { id } = (await client.create({ name: 'named', labels: { a: '1' } })).body;
  const path = `/v1/sandboxes/${id}`;
  const { body: same, headers } = await client.call('PATCH', path, {});
  t.match(same, { name: 'named', labels: { a: '1' }, resourceVersion: '3' });
  t.equal(headers.get('etag'), '"3"');
  t.match((await client.call('PATCH', path, { name: null, labels: null })).body, { name: id, labels: {} });
});

t.test('a sandbox that is being deleted is not changed any more', async (t) => {
  const { id } = (await client.create()).body;
  t.equal((await client.call('DELETE', `/v1/sandboxes/${id}`)).status, 202);
  const changed = await client.call('PATCH', `/v1/sandboxes/${id}`, { name: 'late' });
  t.match(changed.body, { code: /sandbox_deleting|not_found/ });
  for (let i = 0; i < 2; i += 1) {
    const gone = await client.waitFor(id, 'deleted');
    t.match(
      gone,
      { status: 200, body: { id, status: { phase: 'deleted', endpoint: null } } },
      'also when it was before',
    );
  }
});

t.test('cursors survive what is made and removed meanwhile', async (t) => {
  const paging = await service.project('paging');
  const ids: string[] = [];
  for (let i = 0; i < 8; i += 1) ids.push((await paging.create({ name: `n${i}` })).body.id);
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `&cursor=${cursor}` : '';
    const { body } = await paging.call<Page>('GET', `/v1/sandboxes?limit=3${query}`);
    seen.push(...body.items.map(({ id }) => id));
    cursor = body.nextCursor;
    await paging.create({ name: 'meanwhile' });
    // The very one that the cursor stands on.
    if (seen.length === 3) await paging.remove(seen.at(-1) ?? '');
  } while (cursor);
  t.same(seen, ids.reverse(), 'each once, newest first');
  const filtered = await paging.call<Page>('GET', '/v1/sandboxes?limit=2&phase=failed');
  t.same(filtered.body, { ...filtered.body, items: [], nextCursor: null });
});

t.test('an Idempotency-Key on every POST', async (t) => {
  const receiver = createServer((_request, response) => response.end());
  const url = `http://127.0.0.1:${await listenLocally(t, receiver)}/`;
  const hook = (await client.call('POST', '/v1/webhooks', { url })).body.id;
  await client.create();
  type Deliveries = { items: { id: string; state: string }[] };
  let delivery: string | undefined;
  while (!delivery) {
    const { items } = (await client.call<Deliveries>('GET', `/v1/webhooks/${hook}/deliveries`)).body;
    delivery = items.find(({ state }) => state === 'delivered')?.id;
  }
  const bodies: Record<string, object> = {
    createSandbox: { name: 'once' },
    createProject: { name: 'once' },
    createKey: { name: 'once' },
    createWebhook: { url: 'http://127.0.0.1:1/once' },
  };
  type Paths = Record<string, { post?: { operationId: string } }>;
  const { paths } = (await client.call<{ paths: Paths }>('GET', '/openapi.json')).body;
  const posts = Object.entries(paths).flatMap(([path, { post }]) => (post ? [{ path, ...post }] : []));
  t.ok(posts.length >= 6);
  for (const { path, operationId } of posts) {
    const target = path.replace('{project}', 'team').replace('{id}', hook).replace('{delivery}', delivery);
    const who = operationId === 'createProject' ? service.admin : client;
    const headers = { 'idempotency-key': randomUUID() };
    const send = (body?: object) => who.call<Problem>('POST', target, body, headers);
    const [first, second] = [await send(bodies[operationId]), await send(bodies[operationId])];
    t.ok(first.status < 300, `${operationId}: ${first.status}`);
    t.same(second.body, first.body, 'the same answer');
    t.equal(second.headers.get('location'), first.headers.get('location'));
    if (!bodies[operationId]) continue;
    const other = await send({ ...bodies[operationId], name: 'other', url: 'http://127.0.0.1:2/' });
    // Fields that are not of this operation are refused before.
    t.match(other, { status: 422, body: { code: /idempotency_mismatch|validation_failed/ } });
  }
  const mismatch = { 'idempotency-key': 'mine' };
  await client.call('POST', '/v1/sandboxes', { name: 'a' }, mismatch);
  t.match((await client.call('POST', '/v1/sandboxes', { name: 'b' }, mismatch)).body, { code: 'idempotency_mismatch' });
  const many = { 'idempotency-key': 'at-once' };
  const atOnce = await Promise.all(
    Array.from({ length: 20 }, () => client.call('POST', '/v1/sandboxes', { name: 'at-once' }, many)),
  );
  for (const { status, body } of atOnce) {
    if (status !== 202) t.match(body, { status: 409, code: 'idempotency_in_flight' });
  }
  const named = (await client.list()).body.items.filter(({ name }) => name === 'at-once');
  t.equal(named.length, 1);
});

t.test('request ids: that of the client where it is a plain one', async (t) => {
  const given = await client.call('GET', '/v1/whoami', undefined, { 'x-request-id': 'build-12345678' });
  t.equal(given.headers.get('x-request-id'), 'build-12345678');
  const odd = await client.call<Problem>('GET', '/v1/nothing', undefined, { 'x-request-id': '"; drop' });
  t.match(odd.headers.get('x-request-id'), /^req-[0-9a-f-]{36}$/);
  t.equal(odd.body.requestId, odd.headers.get('x-request-id'), 'and the problem says the same');
});

t.test('CORS for the origins of the setting', async (t) => {
  const preflight = async (origin: string) => {
    const headers = { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'if-match' };
    return await fetch(`${service.url()}/v1/sandboxes`, { method: 'OPTIONS', headers });
  };
  const allowed = await preflight('https://console.example');
  t.equal(allowed.status, 204);
  t.equal(allowed.headers.get('access-control-allow-origin'), 'https://console.example');
  t.match(allowed.headers.get('access-control-allow-methods'), 'PATCH');
  const other = await preflight('https://elsewhere.example');
  t.not(other.headers.get('access-control-allow-origin'), 'https://elsewhere.example');
  t.equal((await fetch(`${service.url()}/v1/sandboxes`, { method: 'OPTIONS' })).status, 204, 'without an Origin');
  const refused = await fetch(`${service.url()}/v1/whoami`, { headers: { origin: 'https://console.example' } });
  t.equal(refused.headers.get('access-control-allow-origin'), 'https://console.example', 'a page can read a problem');
});

t.test('what is large is compressed for who asks', async (t) => {
  for (let i = 0; i < 5; i += 1) await client.create();
  const read = async (encoding: string) => {
    const headers = { ...client.authorization, 'accept-encoding': encoding };
    const answer = await fetch(`${service.url()}/v1/sandboxes?limit=500`, { headers });
    return {
      encoding: answer.headers.get('content-encoding'),
      vary: answer.headers.get('vary'),
      ...((await answer.json()) as Page),
    };
  };
  const [plain, packed] = [await read('identity'), await read('gzip')];
  t.equal(plain.encoding, null);
  t.match(packed, { encoding: 'gzip', vary: /accept-encoding/i });
  t.same(packed.items, plain.items);
});

t.test('a method that a path does not have', async (t) => {
  const refused = await client.call<Problem>('PUT', '/v1/sandboxes', {});
  t.match(refused, { status: 405, body: { code: 'method_not_allowed' } });
  t.equal(refused.headers.get('allow'), 'GET, HEAD, POST');
});

t.test('bodies that are none, or in another encoding', async (t) => {
  const json = { 'content-type': 'application/json' };
  const { id } = (await client.create()).body;
  t.equal((await client.call('DELETE', `/v1/sandboxes/${id}`, undefined, json)).status, 202, 'none is asked for');
  const odd = await client.call('POST', '/v1/sandboxes', {}, { ...json, 'content-encoding': 'foo' });
  t.match(odd.body, { status: 415, code: 'unsupported_media_type' });
  const path = await client.call('GET', '/v1/sandboxes/%zz');
  t.match(path.body, { status: 400, code: 'malformed_request' });
});

t.test('too many headers, and what is not HTTP', async (t) => {
  const large = await client.call<Problem>('GET', '/v1/whoami', undefined, { 'x-many': 'x'.repeat(20_000) });
  t.match(large, { status: 431, body: { code: 'headers_too_large' } });
  const socket = connect(Number(new URL(service.url()).port), '127.0.0.1');
  socket.end('HELO sandplane\r\n\r\n');
  const answer = await text(socket);
  t.match(answer, /^HTTP\/1\.1 400 /);
  t.match(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''), { status: 400, code: 'malformed_request' });
});

t.test('X-Forwarded-For counts from proxies that are trusted', async (t) => {
  const forwarded = { 'x-forwarded-for': '203.0.113.9' };
  type Log = { items: { address: string }[] };
  await client.call('POST', '/v1/sandboxes', {}, forwarded);
  t.equal((await client.call<Log>('GET', '/v1/audit?limit=1')).body.items[0]?.address, '203.0.113.9');
  const plain = await startFakeService();
  t.teardown(() => plain.close());
  await plain.admin.call('POST', '/v1/sandboxes', {}, forwarded);
  t.equal((await plain.admin.call<Log>('GET', '/v1/audit?limit=1')).body.items[0]?.address, '127.0.0.1');
});
