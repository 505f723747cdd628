import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import { startFakeService } from '../support/fake-service.ts';
import { badBodies } from './bad-bodies.ts';

/** What is refused before anything is stored or queued, by a whole service whose sandboxes are in memory. */
const service = await startFakeService();
t.teardown(() => service.close());
const { admin } = service;

/** Keys that a create would leave behind: records, indexes, jobs, events. */
async function made(): Promise<string[]> {
  const keys = await service.redis.keys('*');
  return keys.filter((key) => /:sandbox:|:sandboxes$|:unstarted:|:fairness:|:start-sb-|:feed$|:history:/.test(key));
}

for (const { what, body, pointer, code = 'validation_failed', detail } of badBodies) {
  t.test(what, async (t) => {
    const { status, problem } = await send('POST', '/v1/sandboxes', body);
    t.equal(status, 422);
    t.match(problem, { code, status: 422, title: String, requestId: String });
    const fault = problem.errors?.find((one) => one.pointer === pointer);
    t.ok(fault, `${pointer} among ${problem.errors?.map((one) => one.pointer)}`);
    if (detail) t.match(fault?.detail, detail);
    t.same(await made(), [], 'nothing was written, and nobody woken');
  });
}

t.test('several faults are told at once', async (t) => {
  const { problem } = await send('POST', '/v1/sandboxes', { name: 'A', labels: 5, extra: 1 });
  t.same(problem.errors?.map(({ pointer }) => pointer).sort(), ['/extra', '/labels', '/name']);
});

t.test('bodies that cannot be read', async (t) => {
  for (const [payload, type, status, code] of [
    ['{"name":', 'application/json', 400, 'malformed_body'],
    [' ', 'application/json', 400, 'malformed_body'],
    ['name=x', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['{}', 'text/plain', 415, 'unsupported_media_type'],
    [JSON.stringify({ name: 'x'.repeat(70_000) }), 'application/json', 413, 'body_too_large'],
  ] as const) {
    const answer = await admin.call('POST', '/v1/sandboxes', payload, { 'content-type': type });
    t.equal(answer.status, status, code);
    t.match(answer.body, { code });
    t.match(answer.headers.get('content-type'), 'application/problem+json');
  }
  t.same(await made(), []);
});

t.test('without a key', async (t) => {
  const answer = await service.as('').call('GET', '/v1/sandboxes');
  t.match(answer.body, { code: 'unauthenticated', status: 401 });
  t.equal(answer.headers.get('www-authenticate'), 'Bearer');
  for (const open of ['/readyz', '/openapi.json', '/docs/']) {
    t.equal((await service.as('').call('GET', open)).status, 200, `${open} needs none`);
  }
});

t.test('queries, ids and routes', async (t) => {
  const id = 'sb-00000000000000000000';
  for (const [url, status, code] of [
    ['/v1/sandboxes?limit=0', 422, 'validation_failed'],
    ['/v1/sandboxes?limit=many', 422, 'validation_failed'],
    ['/v1/sandboxes?color=red', 422, 'validation_failed'],
    ['/v1/sandboxes?cursor=nonsense', 422, 'invalid_cursor'],
    ['/v1/audit?cursor=nonsense', 422, 'invalid_cursor'],
    ['/v1/sandboxes?label=a+b', 422, 'invalid_selector'],
    ['/v1/sandboxes?label=a%3Db%3Dc', 422, 'invalid_selector'],
    ['/v1/sandboxes?label=a+in+(b', 422, 'invalid_selector'],
    ['/v1/sandboxes/watch?label=a,,b', 422, 'invalid_selector'],
    ['/v1/sandboxes/watch?since=yesterday', 422, 'validation_failed'],
    ['/v1/usage?from=2026-02-30', 422, 'validation_failed'],
    ['/v1/usage?from=2026-11-02&to=2026-11-01', 422, 'validation_failed'],
    ['/v1/usage?from=2020-01-01&to=2026-01-01', 422, 'validation_failed'],
    ['/v1/projects/Other', 404, 'not_found'],
    ['/v1/projects/nobody', 404, 'not_found'],
    ['/v1/projects/default/keys/000000000000', 404, 'not_found'],
    ['/v1/webhooks/wh-00000000000000000000', 404, 'not_found'],
    [`/v1/sandboxes/${id}/events`, 404, 'not_found'],
    [`/v1/sandboxes/${id}/watch`, 404, 'not_found'],
    ['/v1/sandboxes/..%2Fhosts', 422, 'validation_failed'],
    [`/v1/sandboxes/${id}`, 404, 'not_found'],
    [`/v1/sandboxes/${id}/kubeconfig`, 404, 'not_found'],
    [`/v1/sandboxes/${id}/logs`, 404, 'not_found'],
    [`/v1/sandboxes/${id}/logs?component=redis`, 422, 'validation_failed'],
    [`/v1/sandboxes/${id}/wait?for=happiness`, 422, 'validation_failed'],
    ['/v1/nothing', 404, 'not_found'],
    [`/v1/sandboxes/${'x'.repeat(129)}`, 404, 'not_found'],
  ] as const) {
    const answer = await admin.call('GET', url);
    t.equal(answer.status, status, url);
    t.match(answer.body, { code }, url);
  }
});

t.test('an If-Match that is no list of ETags', async (t) => {
  const { body: made } = await admin.create();
  for (const wrong of ['7', '"7', '"7" "8"', '', 'x"7"']) {
    const answer = await admin.call('PATCH', `/v1/sandboxes/${made.id}`, {}, { 'if-match': wrong });
    t.equal(answer.status, 422, wrong);
    t.match(answer.body, { code: 'validation_failed', errors: [{ pointer: '#header/if-match' }] });
  }
  for (const [right, status] of [
    ['*', 200],
    ['W/"1", "2"', 412],
    [`W/"x",  "${made.resourceVersion}" `, 200],
  ] as const) {
    const answer = await admin.call('PATCH', `/v1/sandboxes/${made.id}`, {}, { 'if-match': right });
    t.equal(answer.status, status, right);
  }
});

async function send(method: 'POST', url: string, payload: unknown): Promise<{ status: number; problem: Problem }> {
  const { status, body } = await admin.call<Problem>(method, url, payload);
  return { status, problem: body };
}
