import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import { startFakeService } from '../support/fake-service.ts';
import { testAdminKey } from '../support/service.ts';

/** Methods that a path does not have: 405 with what it has, whatever else is wrong with the request. */
const service = await startFakeService();
t.teardown(() => service.close());

interface Case {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly allow?: string;
  readonly type?: string;
  readonly body?: string;
}

const cases: readonly Case[] = [
  { method: 'PUT', path: '/v1/sandboxes', status: 405, allow: 'GET, HEAD, POST' },
  { method: 'TRACE', path: '/v1/sandboxes', status: 405, allow: 'GET, HEAD, POST' },
  { method: 'PROPFIND', path: '/v1/sandboxes', status: 405, allow: 'GET, HEAD, POST' },
  // Needs a Content-Type by its definition: that it has none is not what is wrong.
  { method: 'QUERY', path: '/readyz', status: 405, allow: 'GET, HEAD' },
  { method: 'QUERY', path: '/v1/sandboxes/sb-00000000000000000000', status: 405, allow: 'DELETE, GET, HEAD, PATCH' },
  // The path also fits /v1/sandboxes/{id}, which has them.
  { method: 'OPTIONS', path: '/v1/sandboxes/watch', status: 405, allow: 'GET, HEAD' },
  { method: 'DELETE', path: '/v1/sandboxes/watch', status: 405, allow: 'GET, HEAD' },
  { method: 'PATCH', path: '/v1/sandboxes/watch?a=b', status: 405, allow: 'GET, HEAD', body: '{}' },
  // No body is read for nothing.
  { method: 'PUT', path: '/v1/sandboxes', status: 405, allow: 'GET, HEAD, POST', type: 'text/xml', body: '<a/>' },
  { method: 'PUT', path: '/v1/sandboxes', status: 405, allow: 'GET, HEAD, POST', body: '{"a":' },
  { method: 'POST', path: '/v1/nothing', status: 404, type: 'text/xml', body: '<a/>' },
  { method: 'QUERY', path: '/v1/nothing', status: 404 },
];

for (const { method, path, status, allow, type = 'application/json', body } of cases) {
  t.test(`${method} ${path} ${body ?? ''}`, async (t) => {
    const answer = await send(method, path, body === undefined ? {} : { 'content-type': type }, body);
    t.equal(answer.statusCode, status);
    t.equal(answer.headers.allow, allow);
    t.match(answer.headers['content-type'], 'application/problem+json');
    t.match((await json(answer)) as Problem, { code: status === 405 ? 'method_not_allowed' : 'not_found', status });
  });
}

t.test('without a key, methods that are there under another path tell nothing', async (t) => {
  const answer = await service.as('').call('DELETE', '/v1/sandboxes/watch');
  t.equal(answer.status, 401);
});

const slashes = [
  {
    path: '/v1/sandboxes/',
    right: /There is no \w+ \/v1\/sandboxes\/, but \/v1\/sandboxes, without the slash at its end/,
  },
  { path: '/v1/sandboxes/?limit=5', right: /but \/v1\/sandboxes,/ },
  { path: '/v1/sandboxes/sb-00000000000000000000/', right: /but \/v1\/sandboxes\/sb-0+,/ },
  { path: '/v1/whoami/', right: /but \/v1\/whoami,/ },
  { path: '/readyz//', right: /but \/readyz,/ },
  // As `/v1/sandboxes/$ID/kubeconfig` is without an ID.
  { path: '/v1/sandboxes//kubeconfig', right: /a part between two slashes is empty/ },
  { path: '/v1//sandboxes', right: /a part between two slashes is empty/ },
  { path: '//v1/sandboxes', right: /a part between two slashes is empty/ },
  { path: '/v1/nothing/', right: /There is no \w+ \/v1\/nothing\/\. See/ },
];

for (const { path, right } of slashes) {
  t.test(`a slash too many is told: ${path}`, async (t) => {
    for (const method of ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'PUT']) {
      const body = ['POST', 'PATCH', 'PUT'].includes(method) ? '{}' : undefined;
      const answer = await send(method, path, body ? { 'content-type': 'application/json' } : {}, body);
      t.match(await json(answer), { status: 404, code: 'not_found', detail: right }, method);
    }
    t.equal((await send('HEAD', path, {})).statusCode, 404);
  });
}

t.test('an empty body is none where the operation can do without, whatever its type is said to be', async (t) => {
  const post = async (path: string, headers: Record<string, string>) =>
    (await send('POST', path, { 'content-length': '0', ...headers })).statusCode;
  for (const headers of [
    {},
    { 'content-type': 'application/json' },
    { 'content-type': 'application/json; charset=utf-8' },
    { 'content-type': 'application/x-www-form-urlencoded' },
  ]) {
    t.equal(await post('/v1/sandboxes', headers as Record<string, string>), 202, JSON.stringify(headers));
    t.equal(await post('/v1/webhooks/wh-00000000000000000000/rotate', headers as Record<string, string>), 404);
  }
  for (const path of ['/v1/projects', '/v1/projects/default/keys', '/v1/webhooks']) {
    t.equal(await post(path, { 'content-type': 'application/json' }), 400, `${path} needs one`);
  }
});

t.test('the same create with and without a body is one by its key', async (t) => {
  const key = { 'idempotency-key': 'an-empty-body' };
  const ids = new Set<string>();
  for (const [headers, body] of [
    [{}],
    [{ 'content-type': 'application/json' }],
    [{ 'content-type': 'application/json' }, '{}'],
  ] as const) {
    const answer = await send('POST', '/v1/sandboxes', { ...key, ...headers }, body);
    ids.add(((await json(answer)) as { id: string }).id);
  }
  t.equal(ids.size, 1);
});

/** By hand: fetch refuses some of these methods. */
async function send(method: string, path: string, headers: Record<string, string>, body?: string) {
  const sent = request(`${service.url()}${path}`, {
    method,
    headers: { authorization: `Bearer ${testAdminKey}`, ...headers },
  });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}
