import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { AuditEntry } from '../../src/schemas/audit.ts';
import { startFakeService } from '../support/fake-service.ts';

t.setTimeout(60_000);
const service = await startFakeService({ SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8' });
t.teardown(() => service.close());
const client = await service.project('team');
type Made = { id: string; secret?: string };
const logOf = async (who = client) =>
  (await who.call<{ items: AuditEntry[] }>('GET', '/v1/audit?limit=500')).body.items;

t.test('each call that changes something is in the log, with who and how it ended, and without a secret', async (t) => {
  const { subject } = (await client.call<{ subject: string }>('GET', '/v1/whoami')).body;
  const secrets: string[] = [];
  const wanted: Partial<AuditEntry>[] = [];
  const send = async (operation: string, method: string, path: string, body?: object) => {
    const answer = await client.call<Made>(method, path, body);
    if (answer.body.secret) secrets.push(answer.body.secret);
    const requestId = answer.headers.get('x-request-id') ?? '';
    const result = answer.status < 400 ? 'done' : 'refused';
    wanted.push({ operation, subject, name: 'test', status: answer.status, result, requestId, address: '127.0.0.1' });
    return answer.body.id;
  };
  const keys = '/v1/projects/team/keys';
  const sandbox = await send('createSandbox', 'POST', '/v1/sandboxes', { name: 'private-matter' });
  await client.waitFor(sandbox, 'ready');
  await send('createSandbox', 'POST', '/v1/sandboxes', { nane: 'private-matter' });
  await send('updateSandbox', 'PATCH', `/v1/sandboxes/${sandbox}`, { labels: { matter: 'private-matter' } });
  const key = await send('createKey', 'POST', keys, { name: 'ci' });
  const hook = await send('createWebhook', 'POST', '/v1/webhooks', { url: 'http://127.0.0.1:1/private-matter' });
  await send('updateWebhook', 'PATCH', `/v1/webhooks/${hook}`, { description: 'private-matter' });
  await send('rotateWebhookSecret', 'POST', `/v1/webhooks/${hook}/rotate`);
  await send('deleteWebhook', 'DELETE', `/v1/webhooks/${hook}`);
  await send('revokeKey', 'DELETE', `${keys}/${key}`);
  await send('createProject', 'POST', '/v1/projects', { name: 'not-mine-to-make' });
  await send('deleteSandbox', 'DELETE', `/v1/sandboxes/${sandbox}`);
  await client.call('GET', '/v1/sandboxes');

  const log = (await logOf()).reverse().filter((entry) => entry.subject === subject);
  t.match(log, wanted, 'each once, in order; reading is not in it');
  t.equal(log.length, wanted.length);
  t.match(log[0], { target: `/v1/sandboxes/${sandbox}`, status: 202, code: null });
  t.match(log[1], { status: 422, code: 'validation_failed', result: 'refused' });
  const text = JSON.stringify(log);
  t.equal(secrets.length, 3);
  for (const secret of [...secrets, client.authorization.authorization?.slice(7) ?? '', 'private-matter']) {
    t.notMatch(text, secret);
  }
});

t.test('it cannot be changed, and comes in pages', async (t) => {
  for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
    t.equal((await client.call(method, '/v1/audit', {})).status, 405, method);
  }
  const all = (await logOf()).map(({ id }) => id);
  const paged: string[] = [];
  let cursor = '';
  do {
    type Page = { items: AuditEntry[]; nextCursor: string | null };
    const { body } = await client.call<Page>('GET', `/v1/audit?limit=4${cursor}`);
    paged.push(...body.items.map(({ id }) => id));
    cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : '';
  } while (cursor);
  t.same(paged, all);
});

t.test('what is refused for its key is in no log, and what the admin does is in that of the project', async (t) => {
  const before = (await logOf()).length;
  await service.as('nonsense').call('POST', '/v1/sandboxes', {});
  t.equal((await logOf()).length, before);
  await service.admin.call('PATCH', '/v1/projects/team', { quotas: { sandboxes: 9 } });
  t.match((await logOf())[0], { subject: 'admin', operation: 'updateProject', target: '/v1/projects/team' });
});

t.test('the log of a project outlives it, for the admin', async (t) => {
  const { uid } = (await service.admin.call<{ uid: string }>('GET', '/v1/projects/team')).body;
  await service.admin.call('DELETE', '/v1/projects/team?sandboxes=delete');
  while ((await service.admin.call('GET', '/v1/projects/team')).status !== 404) await delay(20);
  const { body } = await service.admin.call<{ items: AuditEntry[] }>('GET', `/v1/audit?projectUid=${uid}`);
  t.ok(body.items.some(({ operation }) => operation === 'deleteProject'));
  const again = await service.project('team');
  t.same(
    (await logOf(again)).filter(({ operation }) => operation === 'createSandbox'),
    [],
    'a new one begins anew',
  );
  t.match((await again.call('GET', `/v1/audit?projectUid=${uid}`)).body, { code: 'insufficient_scope' });
});
