import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { redisKeys } from '../../src/redis/keys.ts';
import type { Problem } from '../../src/schemas/problem.ts';
import { createKeyAuthenticator } from '../../src/tenancy/authenticate-key.ts';
import { newSecret } from '../../src/tenancy/key-format.ts';
import { startFakeService } from '../support/fake-service.ts';

t.setTimeout(60_000);
const service = await startFakeService();
t.teardown(() => service.close());
const { admin } = service;
const owner = await service.project('team');
const path = '/v1/projects/team/keys';
interface MadeKey {
  id: string;
  secret: string;
}

async function make(body: object): Promise<MadeKey> {
  return (await owner.call<MadeKey>('POST', path, body)).body;
}

async function refusal(key: string) {
  const { status, body } = await service.as(key).call<Problem>('GET', '/v1/whoami');
  const { code, errors } = body;
  return { status, code, pointer: errors?.[0]?.pointer };
}

t.test('a key says who it is, and works', async (t) => {
  const { secret, id } = await make({ name: 'ci', scopes: ['read'] });
  t.match(secret, /^sandplane_[0-9a-z]{12}_[0-9A-Za-z]{49}$/, 'as secret scanners know it');
  const { body } = await service.as(secret).call('GET', '/v1/whoami');
  t.same(body, { kind: 'key', subject: `key:${id}`, name: 'ci', project: 'team', scopes: ['read'], expiresAt: null });
  const listed = await owner.call('GET', path);
  t.notMatch(JSON.stringify(listed.body), secret.slice(23), 'told once only');
  t.match((await owner.call('GET', `${path}/${id}`)).body, { name: 'ci', lastUsedAt: String });
});

t.test('what is stored of a key is not the key', async (t) => {
  const { secret, id } = await make({ name: 'stored' });
  const [part] = secret.split('_').slice(-1) as [string];
  for (const key of await service.redis.keys(`*${id}*`)) {
    t.notMatch(JSON.stringify(await service.redis.hgetall(key)), part, key);
  }
});

t.test('each way in which a key is no good has its code', async (t) => {
  const { secret, id } = await make({ name: 'good' });
  const pointer = '#header/authorization';
  t.match(await refusal('nonsense'), { status: 401, code: 'key_malformed', pointer });
  t.match(await refusal(secret.slice(0, -1)), { status: 401, code: 'key_malformed', pointer });
  const typo = secret.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
  t.match(await refusal(typo), { status: 401, code: 'key_checksum_mismatch', pointer });
  const soon = await make({ name: 'soon', expiresAt: new Date(Date.now() + 8000).toISOString() });
  t.equal((await service.as(soon.secret).call('GET', '/v1/whoami')).status, 200);
  await delay(8050);
  t.match(await refusal(soon.secret), { status: 401, code: 'key_expired', pointer });
  await owner.call('DELETE', `${path}/${id}`);
  t.match(await refusal(secret), { status: 401, code: 'key_revoked', pointer });
});

t.test('one that does not exist and one that is wrong get the same answer', async (t) => {
  const { id } = await make({ name: 'exists' });
  const [wrong, nobody] = [newSecret(id), newSecret('000000000000')];
  const answer = async (key: string) => {
    const { status, body } = await service.as(key).call<Problem>('GET', '/v1/whoami');
    return { status, body: { ...body, requestId: '' } };
  };
  t.same(await answer(wrong), await answer(nobody));
  t.match(await answer(nobody), { status: 401, body: { code: 'unauthenticated' } });

  // The time must not tell either which ids there are: for both, the store is asked the same, once.
  const done: unknown[][] = [];
  const redis = new Proxy(service.redis, {
    get:
      (target, name) =>
      async (key: string, ...fields: string[]) => {
        const reply: object = await Reflect.get(target, name).call(target, key, ...fields);
        done.push([name, fields, Object.keys(reply).length]);
        return reply;
      },
  });
  const authenticateKey = createKeyAuthenticator({ redis, keys: redisKeys(service.config.redisPrefix) });
  await t.rejects(authenticateKey(wrong), { code: 'unauthenticated' });
  await t.rejects(authenticateKey(nobody), { code: 'unauthenticated' });
  t.equal(done.length, 2);
  t.same(done[0], done[1]);
});

t.test('an end that is no time', async (t) => {
  for (const expiresAt of ['2030-12-31T23:59:60Z', '2020-01-01T00:00:00Z', 'tomorrow', '9999-12-31T23:59:59-23:59']) {
    const refused = await owner.call<Problem>('POST', path, { name: 'odd', expiresAt });
    t.match(refused, { status: 422, body: { errors: [{ pointer: '/expiresAt' }] } }, expiresAt);
  }
  t.equal((await owner.call('GET', path)).status, 200);
});

t.test('a wrong secret is no use of a key', async (t) => {
  const { id } = await make({ name: 'unused' });
  t.match(await refusal(newSecret(id)), { code: 'unauthenticated', pointer: '#header/authorization' });
  t.match((await owner.call('GET', `${path}/${id}`)).body, { lastUsedAt: null });
});

t.test('of keys that were revoked, so many are remembered', async (t) => {
  const { id, secret } = await make({ name: 'old' });
  await owner.call('DELETE', `${path}/${id}`);
  const revoked = '{sandplane}:project:team:revoked-keys';
  const now = Date.now();
  const later = Array.from({ length: 1000 }, (_, i) => [now + 1, `later-${i}`]).flat();
  await service.redis.zadd(revoked, ...(later as string[]));
  await owner.call('DELETE', `${path}/${(await make({ name: 'last' })).id}`);
  t.match(await refusal(secret), { code: 'unauthenticated' });
  await service.redis.zrem(revoked, ...later.filter((_one, i) => i % 2 === 1).map(String));
});

t.test('scopes', async (t) => {
  const { body: sandbox } = await owner.create();
  const reader = service.as((await make({ name: 'r', scopes: ['read'] })).secret);
  const writer = service.as((await make({ name: 'w', scopes: ['write'] })).secret);
  const target = `/v1/sandboxes/${sandbox.id}`;
  for (const [client, method, url, body, status] of [
    [reader, 'GET', target, undefined, 200],
    [reader, 'GET', `${target}/kubeconfig`, undefined, 403],
    [reader, 'POST', '/v1/sandboxes', {}, 403],
    [reader, 'PATCH', target, { name: 'x' }, 403],
    [reader, 'DELETE', target, undefined, 403],
    [reader, 'GET', path, undefined, 403],
    [reader, 'GET', '/v1/audit', undefined, 403],
    [writer, 'GET', target, undefined, 200],
    [writer, 'GET', `${target}/kubeconfig`, undefined, 200],
    [writer, 'POST', path, { name: 'x' }, 403],
    [owner, 'POST', '/v1/projects', { name: 'x' }, 403],
    [owner, 'PATCH', '/v1/projects/team', { quotas: { sandboxes: 1000 } }, 403],
    [owner, 'DELETE', '/v1/projects/team', undefined, 403],
  ] as const) {
    const answer = await client.call(method, url, body);
    t.equal(answer.status, status, `${method} ${url}`);
    if (status === 403) t.match(answer.body, { code: 'insufficient_scope' });
  }
  const { body } = await owner.call<{ items: { id: string }[] }>('GET', '/v1/sandboxes');
  t.same(
    body.items.map(({ id }) => id),
    [sandbox.id],
    'nothing was made or removed',
  );
});

t.test('a revoked key is refused at once, by every process, and its watches end', async (t) => {
  const another = await service.anotherApi();
  const { secret, id } = await make({ name: 'watcher', scopes: ['read'] });
  const headers = { authorization: `Bearer ${secret}` };
  const response = await fetch(`${another.url}/v1/sandboxes/watch`, { headers });
  t.equal(response.status, 200);
  await owner.call('DELETE', `${path}/${id}`);
  t.equal((await fetch(`${another.url}/v1/whoami`, { headers })).status, 401, 'the other process');
  t.equal((await service.as(secret).call('GET', '/v1/whoami')).status, 401, 'this process');
  await response.text();
  t.pass('the watch has ended');
});

t.test('projects: made, found, limited, deleted', async (t) => {
  t.match((await admin.call('POST', '/v1/projects', { name: 'team' })).body, { code: 'project_exists' });
  t.match((await admin.call('POST', '/v1/projects', { name: 'No Label' })).body, { code: 'validation_failed' });
  await admin.call('POST', '/v1/projects', { name: 'short-lived' });
  const { body: before, headers } = await admin.call('GET', '/v1/projects/short-lived');
  t.match(before, { state: 'active', quotas: { sandboxes: 100, awake: 50 }, used: { sandboxes: 0 } });
  const stale = { 'if-match': '"99"' };
  const patch = { quotas: { sandboxes: 7 } };
  t.match((await admin.call('PATCH', '/v1/projects/short-lived', patch, stale)).body, { code: 'precondition_failed' });
  const current = { 'if-match': headers.get('etag') ?? '' };
  const changed = await admin.call('PATCH', '/v1/projects/short-lived', patch, current);
  t.match(changed.body, { quotas: { sandboxes: 7, awake: 50 } });
  const inside = { 'sandplane-project': 'short-lived' };
  const made = await admin.call('POST', '/v1/sandboxes', {}, { ...inside, prefer: 'wait=10' });
  t.match(made.body, { project: 'short-lived' });
  const { secret } = (await admin.call<MadeKey>('POST', '/v1/projects/short-lived/keys', { name: 'k' })).body;
  t.match((await admin.call('DELETE', '/v1/projects/short-lived')).body, { code: 'project_not_empty' });
  t.match((await admin.call('DELETE', '/v1/projects/default')).body, { code: 'project_protected' });
  const old = await admin.call('DELETE', '/v1/projects/short-lived?sandboxes=delete', undefined, current);
  t.match(old.body, { status: 412, code: 'precondition_failed' });
  const leaving = await admin.call('DELETE', '/v1/projects/short-lived?sandboxes=delete');
  t.match(leaving, { status: 202, body: { state: 'deleting' } });
  t.not(leaving.headers.get('etag'), changed.headers.get('etag'));
  t.match((await admin.call('POST', '/v1/sandboxes', {}, inside)).body, { code: /project_deleting|not_found/ });
  while ((await admin.call('GET', '/v1/projects/short-lived')).status !== 404) await delay(50);
  t.equal((await service.as(secret).call('GET', '/v1/whoami')).status, 401, 'its key with it');
  const left = (await service.redis.keys('*')).filter(
    (key) => key.includes('short-lived') || key.includes(made.body.id),
  );
  t.same(left, [], 'nothing of it is left');
});
