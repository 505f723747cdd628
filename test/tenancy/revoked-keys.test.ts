import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { startFakeHost } from '../support/fake-host.ts';
import { startFakeService } from '../support/fake-service.ts';
import { aSandbox } from '../support/requests.ts';

/** Creates by keys that have been revoked, or are revoked meanwhile: nothing is made for them, and nothing noted. */
t.setTimeout(60_000);
const service = await startFakeService({ SANDPLANE_SWEEP_INTERVAL_MS: '600000' });
t.teardown(() => service.close());
const quotas = { sandboxes: 1000, awake: 1000, startsPerMinute: 10_000, memoryMiB: 1e8, diskMiB: 1e8 };
const owner = await service.project('team', ['admin'], quotas);
const keysPath = '/v1/projects/team/keys';

interface MadeKey {
  id: string;
  secret: string;
}

/** A key that the service has just accepted. */
async function usedKey(body: object = {}): Promise<MadeKey> {
  const made = await owner.call<MadeKey>('POST', keysPath, { name: 'ci', scopes: ['write'], ...body });
  const { status } = await service.as(made.body.secret).call('GET', '/v1/whoami');
  if (status !== 200) throw new Error(`a new key is answered by ${status}`);
  return made.body;
}

const names = async () => (await owner.list()).body.items.map(({ name }) => name);

async function trail(): Promise<string[]> {
  const { body } = await owner.call<{ items: { subject: string }[] }>('GET', '/v1/audit?limit=500');
  return body.items.map(({ subject }) => subject);
}

async function post(secret: string, body: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${service.url()}/v1/sandboxes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: answer.status, headers: answer.headers, problem: (await answer.json()) as Problem };
}

const requests: readonly [what: string, body: string, headers?: Record<string, string>][] = [
  ['a good one', '{"name":"never"}'],
  ['one that is invalid', '{"nmae":"never"}'],
  ['one that is no JSON', '{"name":'],
  ['one of another type', 'name: never', { 'content-type': 'application/yaml' }],
  ['one that is too large', JSON.stringify({ name: 'x'.repeat(70_000) })],
  ['one that cannot be', '{"name":"never","spec":{"kubernetesVersion":"9.9"}}'],
  ['one that waits', '{"name":"never"}', { prefer: 'wait=5' }],
  ['one that may be repeated', '{"name":"never"}', { 'idempotency-key': 'once' }],
  ['one for another project', '{"name":"never"}', { 'sandplane-project': 'default' }],
];

const ends: Record<string, { code: string; end(key: MadeKey): Promise<unknown> }> = {
  revoked: { code: 'key_revoked', end: ({ id }) => owner.call('DELETE', `${keysPath}/${id}`) },
  forgotten: {
    code: 'unauthenticated',
    end: async ({ id }) => await service.redis.del(...(await service.redis.keys(`*key:${id}`))),
  },
};

for (const [how, { code, end }] of Object.entries(ends)) {
  for (const [what, body, headers] of requests) {
    t.test(`a key that was ${how}: ${what}`, async (t) => {
      const key = await usedKey();
      await end(key);
      const answer = await post(key.secret, body, headers);
      t.match(answer, { status: 401, problem: { code } });
      t.equal(answer.headers.get('ratelimit'), null, 'who is not known has no limit');
      t.notOk((await names()).includes('never'), 'nothing was made');
      t.notOk((await trail()).includes(`key:${key.id}`), 'and nothing noted');
    });
  }
}

t.test('a key that may only read', async (t) => {
  const { id, secret } = await usedKey({ scopes: ['read'] });
  t.match(await post(secret, '{}'), { status: 403, problem: { code: 'insufficient_scope' } });
  t.ok((await trail()).includes(`key:${id}`), 'it is authenticated: the audit log of its project tells of it');
});

t.test('a key of a project that was deleted, and is there again', async (t) => {
  const lost = await service.project('lost');
  const secret = lost.authorization.authorization?.split(' ')[1] ?? '';
  t.equal((await lost.call('GET', '/v1/whoami')).status, 200);
  await service.admin.call('DELETE', '/v1/projects/lost');
  const again = await service.project('lost');
  const answer = await post(secret, '{"name":"never"}');
  t.equal(answer.status, 401);
  t.same((await again.list()).body.items, []);
});

t.test('creates while their key is revoked: what was accepted is there, and nothing comes later', async (t) => {
  const watcher = await service.project('flood', ['read'], quotas);
  const path = '/v1/projects/flood/keys';
  const { body } = await service.admin.call<MadeKey>('POST', path, { name: 'ci', scopes: ['write'] });
  const client = service.as(body.secret);
  const there = async () => (await watcher.list()).body.items.map(({ name }) => name).sort();
  const accepted: string[] = [];
  const enough = Promise.withResolvers<void>();
  const floodUntilRefused = async () => {
    for (;;) {
      const answer = await client.call<Sandbox>('POST', '/v1/sandboxes', {});
      if (answer.status !== 202) return answer.status;
      accepted.push(answer.body.name);
      if (accepted.length > 50) enough.resolve();
    }
  };
  const floods = Promise.all(Array.from({ length: 20 }, floodUntilRefused));
  await enough.promise;
  await service.admin.call('DELETE', `${path}/${body.id}`);
  const atRevocation = await there();
  t.same([...new Set(await floods)], [401]);
  t.same(await there(), atRevocation, 'nothing came after it');
  t.same(accepted.sort(), atRevocation);
});

t.test('a key that ends between its check and the create', async (t) => {
  const host = await startFakeHost();
  t.teardown(() => host.close());
  const key = { id: 'k', hash: 'h' };
  const create = () => host.service.create({ project: 'default', subject: 'key:k', key }, aSandbox);
  await t.rejects(create(), { code: 'key_revoked' }, 'gone');
  await host.redis.hset(host.keys.apiKey('k'), { hash: 'h', revokedAt: '1' });
  await t.rejects(create(), { code: 'key_revoked' }, 'revoked');
  await host.redis.hset(host.keys.apiKey('k'), { hash: 'another' });
  await host.redis.hdel(host.keys.apiKey('k'), 'revokedAt');
  await t.rejects(create(), { code: 'key_revoked' }, 'another');
  t.same((await host.service.list('default', { limit: 10 })).items, []);
  await host.redis.hset(host.keys.apiKey('k'), { hash: 'h' });
  await t.resolves(create());

  // Where the project has a longest time to live, a create that names none is tried again with that.
  await host.redis.hset(host.keys.project('default'), { 'q:maxTtlSeconds': '60' });
  const redis = host.redis as unknown as { createSandbox(...given: unknown[]): Promise<unknown> };
  const createSandbox = redis.createSandbox.bind(redis);
  redis.createSandbox = async (...given) => {
    const outcome = await createSandbox(...given);
    await host.redis.hset(host.keys.apiKey('k'), { revokedAt: '1' });
    return outcome;
  };
  await t.rejects(create(), { code: 'key_revoked' }, 'between one try and the next');
  t.equal((await host.service.list('default', { limit: 10 })).items.length, 1);
});

t.test('a revoked key with a body that does not come is refused at once, and counts for nobody', async (t) => {
  const { id, secret } = await usedKey();
  await owner.call('DELETE', `${keysPath}/${id}`);
  const left = async () =>
    Number(/r=(\d+)/.exec((await owner.call('GET', '/v1/whoami')).headers.get('ratelimit') ?? '')?.[1]);
  const before = await left();
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json', 'content-length': '100' };
  const asked = request(`${service.url()}/v1/sandboxes`, { method: 'POST', headers });
  asked.flushHeaders();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  t.equal(answer.statusCode, 401);
  asked.destroy();
  t.equal(await left(), before - 1);
});
