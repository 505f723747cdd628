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
