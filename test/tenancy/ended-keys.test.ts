import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { AppError } from '../../src/errors.ts';
import { createIdempotency } from '../../src/operations/idempotency.ts';
import { createSealer } from '../../src/redis/seal.ts';
import type { Problem } from '../../src/schemas/problem.ts';
import { startFakeHost } from '../support/fake-host.ts';
import { startFakeService } from '../support/fake-service.ts';
import { checksOf, listenTo } from '../support/listener.ts';
import { aSandbox } from '../support/requests.ts';

/** Keys that end while a request of theirs is on its way: what comes after is not done for them, and not told to them. */
t.setTimeout(60_000);
let startMs = 0;
const service = await startFakeService({ SANDPLANE_SWEEP_INTERVAL_MS: '600000' }, { startMs: () => startMs });
const store = await listenTo(service.redis);
t.teardown(async () => {
  store.close();
  await service.close();
});
const owner = await service.project('team');
const keysPath = '/v1/projects/team/keys';
const sandbox = (await owner.create({ name: 'as-it-was' })).body;

async function makeKey(more: object = {}) {
  const scopes = ['read', 'write', 'admin'];
  const made = await owner.call<{ id: string; secret: string }>('POST', keysPath, { name: 'ci', scopes, ...more });
  t.equal((await service.as(made.body.secret).call('GET', '/v1/whoami')).status, 200);
  return made.body;
}

interface Held {
  readonly method: string;
  readonly path: string;
  readonly body: object;
  readonly headers?: Record<string, string>;
}

/** The answer to a request whose last byte is sent after `meanwhile`. */
async function held({ method, path, body, headers }: Held, secret: string, meanwhile: () => Promise<unknown>) {
  const text = JSON.stringify(body);
  const all = {
    authorization: `Bearer ${secret}`,
    'content-type': 'application/json',
    'content-length': String(text.length),
    ...headers,
  };
  const asked = request(`${service.url()}${path}`, { method, headers: all });
  asked.write(text.slice(0, -1));
  await delay(200);
  await meanwhile();
  asked.end(text.slice(-1));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, body: (await json(answer)) as Problem };
}

const answered = { 'idempotency-key': 'answered' };
await owner.call('POST', '/v1/sandboxes', { name: 'answered' }, answered);
const requests: Record<string, Held> = {
  'a create': { method: 'POST', path: '/v1/sandboxes', body: { name: 'held' } },
  'a create that was answered': {
    method: 'POST',
    path: '/v1/sandboxes',
    body: { name: 'answered' },
    headers: answered,
  },
  'another key': { method: 'POST', path: keysPath, body: { name: 'held', scopes: ['admin'] } },
  'a webhook': { method: 'POST', path: '/v1/webhooks', body: { url: 'https://example.com/', description: 'held' } },
  'a change': { method: 'PATCH', path: `/v1/sandboxes/${sandbox.id}`, body: { name: 'held' } },
  'one that is invalid': { method: 'PATCH', path: `/v1/sandboxes/${sandbox.id}`, body: { nmae: 'held' } },
};

for (const [what, one] of Object.entries(requests)) {
  t.test(`a key that is revoked while the body is on its way: ${what}`, async (t) => {
    const { id, secret } = await makeKey();
    const answer = await held(one, secret, () => owner.call('DELETE', `${keysPath}/${id}`));
    t.match(answer, { status: 401, body: { code: 'key_revoked' } });
    for (const path of ['/v1/sandboxes', keysPath, '/v1/webhooks']) {
      t.notMatch(JSON.stringify((await owner.call('GET', path)).body), '"held"', path);
    }
  });
}

t.test('a key that expires while the body is on its way', async (t) => {
  const { secret } = await makeKey({ expiresAt: new Date(Date.now() + 8000).toISOString() });
  const create = { method: 'POST', path: '/v1/sandboxes', body: { name: 'held' } };
  const answer = await held(create, secret, () => delay(8050));
  t.match(answer, { status: 401, body: { code: 'key_expired' } });
  t.notMatch(JSON.stringify((await owner.call('GET', '/v1/sandboxes')).body), '"held"');
});

t.test('a body that comes with its head is not asked about twice', async (t) => {
  const { id, secret } = await makeKey();
  const { commands } = await store.during(() =>
    service.as(secret).call('PATCH', `/v1/sandboxes/${sandbox.id}`, { labels: { a: 'b' } }),
  );
  t.equal(checksOf(id, commands), 1);
});

t.test('a create that waits tells its key nothing of what came after it', async (t) => {
  startMs = 30_000;
  const { id, secret } = await makeKey();
  const created = service.as(secret).call('POST', '/v1/sandboxes', { name: 'waits' }, { prefer: 'wait=20' });
  const find = async () => (await owner.list()).body.items.find(({ name }) => name === 'waits');
  while (!(await find())) await delay(5);
  const made = (await find())?.id ?? '';
  await owner.call('PATCH', `/v1/sandboxes/${made}`, { name: 'renamed' });
  await owner.call('DELETE', `${keysPath}/${id}`);
  t.match(await created, { status: 202, body: { id: made, name: 'waits', status: { phase: 'pending' } } });
  startMs = 0;
  await owner.remove(made);
});

t.test('what is made for a key of the store is made as long as that has not expired', async (t) => {
  const host = await startFakeHost();
  t.teardown(() => host.close());
  const create = () =>
    host.service.create({ project: 'default', subject: 'key:k', key: { id: 'k', hash: 'h' } }, aSandbox);
  await host.redis.hset(host.keys.apiKey('k'), { hash: 'h', expiresAt: String(Date.now() + 60_000) });
  await t.resolves(create());
  await host.redis.hset(host.keys.apiKey('k'), { expiresAt: String(Date.now() - 1) });
  await t.rejects(create(), { code: 'key_revoked' });
});

t.test('an Idempotency-Key outlives the key that it came with: what it began may be there', async (t) => {
  const host = await startFakeHost();
  t.teardown(() => host.close());
  const runIdempotently = createIdempotency({
    redis: host.redis,
    keys: host.keys,
    sealer: createSealer(Buffer.alloc(32, 's')),
  });
  const seeds: string[] = [];
  const attempt = (end: () => Promise<never>) =>
    runIdempotently({ project: 'default', key: 'k', request: {} }, async (seed) => {
      seeds.push(seed);
      return await end();
    });
  const failing = (error: AppError) => async () => await Promise.reject(error);
  await t.rejects(attempt(failing(new AppError('store_unavailable', 'It is made, and that is not told.'))));
  await t.rejects(attempt(failing(new AppError('key_revoked', 'The key of the second try has ended.'))));
  await t.rejects(attempt(failing(new AppError('store_unavailable', 'The third finds it.'))));
  t.equal(seeds.length, 3);
  t.equal(new Set(seeds).size, 1);
});
