import t from 'tap';
import type { Problem } from '../../src/schemas/problem.ts';
import { startFakeService } from '../support/fake-service.ts';

/** What is refused before anything is stored or queued, by a whole service whose sandboxes are in memory. */
const service = await startFakeService();
t.teardown(() => service.close());
const { admin } = service;

/** Keys that a create would leave behind: records, lanes, counters. */
async function made(): Promise<string[]> {
  const keys = await service.redis.keys('*');
  return keys.filter((key) => /:sandbox:|:sandboxes$|:lane:|:in-flight$|:feed$|:history:/.test(key));
}

interface Case {
  readonly what: string;
  readonly body: unknown;
  readonly pointer: string;
  readonly code?: string;
  readonly detail?: RegExp;
}

const cases: readonly Case[] = [
  { what: 'an unknown field', body: { nane: 'x' }, pointer: '/nane', detail: /known are: name, labels, spec/ },
  { what: 'an unknown field further down', body: { spec: { ttl: 5 } }, pointer: '/spec/ttl' },
  { what: 'a wrong type', body: { name: 5 }, pointer: '/name', detail: /string/ },
  { what: 'a number as text', body: { spec: { ttlSeconds: '5' } }, pointer: '/spec/ttlSeconds' },
  { what: 'a name that is no DNS label', body: { name: 'My_Name' }, pointer: '/name', detail: /DNS label/ },
  { what: 'a name that is too long', body: { name: 'x'.repeat(64) }, pointer: '/name', detail: /63/ },
  { what: 'somebody else as the owner', body: { project: 'other' }, pointer: '/project' },
  { what: 'a status of its own', body: { status: { phase: 'ready' } }, pointer: '/status' },
  { what: 'a host of its own', body: { spec: { host: 'h' } }, pointer: '/spec/host' },
  { what: 'a time to live of nothing', body: { spec: { ttlSeconds: 0 } }, pointer: '/spec/ttlSeconds', detail: />= 1/ },
  {
    what: 'an unknown runtime',
    body: { spec: { runtime: 'vm' } },
    pointer: '/spec/runtime',
    detail: /process, docker/,
  },
  {
    what: 'a version that is not offered',
    body: { spec: { kubernetesVersion: '9.9.9' } },
    pointer: '/spec/kubernetesVersion',
    code: 'unsupported_version',
    detail: /1\.37\.2/,
  },
  {
    what: 'a flag outside the allow-list',
    body: { spec: { apiServer: { extraArgs: { 'authorization-mode': 'AlwaysAllow' } } } },
    pointer: '/spec/apiServer/extraArgs/authorization-mode',
    code: 'argument_not_allowed',
    detail: /allowed are: .*max-requests-inflight/,
  },
  {
    what: 'a verbosity that logs bodies',
    body: { spec: { apiServer: { extraArgs: { v: '8' } } } },
    pointer: '/spec/apiServer/extraArgs/v',
    code: 'argument_not_allowed',
    detail: /0 to 7/,
  },
  {
    what: 'a log of etcd that holds what is written',
    body: { spec: { etcd: { extraArgs: { 'log-level': 'debug' } } } },
    pointer: '/spec/etcd/extraArgs/log-level',
    code: 'argument_not_allowed',
    detail: /one of info, warn/,
  },
  {
    what: 'a write-ahead log that grows for ever',
    body: { spec: { etcd: { extraArgs: { 'snapshot-count': '18446744073709551615' } } } },
    pointer: '/spec/etcd/extraArgs/snapshot-count',
    code: 'argument_not_allowed',
    detail: /from 1 to 100000/,
  },
  {
    what: 'writes to etcd of any size',
    body: { spec: { etcd: { extraArgs: { 'max-request-bytes': '10000001' } } } },
    pointer: '/spec/etcd/extraArgs/max-request-bytes',
    code: 'argument_not_allowed',
    detail: /from 1 to 10000000/,
  },
  {
    what: 'any number of requests at a time',
    body: { spec: { apiServer: { extraArgs: { 'max-requests-inflight': '0' } } } },
    pointer: '/spec/apiServer/extraArgs/max-requests-inflight',
    code: 'argument_not_allowed',
    detail: /from 1 to 10000/,
  },
  {
    what: 'a watch that goes on for years',
    body: { spec: { apiServer: { extraArgs: { 'min-request-timeout': '2000000000' } } } },
    pointer: '/spec/apiServer/extraArgs/min-request-timeout',
    code: 'argument_not_allowed',
    detail: /from 1 to 100000/,
  },
  {
    what: 'a compaction that never rests',
    body: { spec: { apiServer: { extraArgs: { 'etcd-compaction-interval': '1ns' } } } },
    pointer: '/spec/apiServer/extraArgs/etcd-compaction-interval',
    code: 'argument_not_allowed',
    detail: /as 1h30m or 90s/,
  },
  {
    what: 'a database of no limit',
    body: { spec: { etcd: { extraArgs: { 'quota-backend-bytes': '-1' } } } },
    pointer: '/spec/etcd/extraArgs/quota-backend-bytes',
    code: 'argument_not_allowed',
  },
  {
    what: 'an admission plugin that needs what is not here',
    body: {
      spec: { apiServer: { extraArgs: { 'enable-admission-plugins': 'PodTolerationRestriction,ServiceAccount' } } },
    },
    pointer: '/spec/apiServer/extraArgs/enable-admission-plugins',
    code: 'arguments_conflict',
    detail: /must not name ServiceAccount/,
  },
  {
    what: 'an admission plugin that is both on and off',
    body: {
      spec: {
        apiServer: {
          extraArgs: { 'enable-admission-plugins': 'EventRateLimit', 'disable-admission-plugins': 'EventRateLimit' },
        },
      },
    },
    pointer: '/spec/apiServer/extraArgs/enable-admission-plugins',
    code: 'arguments_conflict',
    detail: /EventRateLimit/,
  },
  {
    what: 'a feature gate off that is in use',
    body: { spec: { apiServer: { featureGates: { StructuredAuthenticationConfiguration: false } } } },
    pointer: '/spec/apiServer/featureGates/StructuredAuthenticationConfiguration',
    code: 'arguments_conflict',
  },
  {
    what: 'an API off that kube-apiserver cannot do without',
    body: { spec: { apiServer: { runtimeConfig: { 'storage.k8s.io/v1': false } } } },
    pointer: '/spec/apiServer/runtimeConfig/storage.k8s.io~1v1',
    code: 'arguments_conflict',
  },
  {
    what: 'the API of priority and fairness off, but not what it is for',
    body: { spec: { apiServer: { runtimeConfig: { 'flowcontrol.apiserver.k8s.io/v1': false } } } },
    pointer: '/spec/apiServer/runtimeConfig/flowcontrol.apiserver.k8s.io~1v1',
    code: 'arguments_conflict',
  },
  {
    what: 'all APIs off but one',
    body: { spec: { apiServer: { runtimeConfig: { 'api/all': false, v1: true } } } },
    pointer: '/spec/apiServer/runtimeConfig/api~1all',
    code: 'arguments_conflict',
    detail: /needs admissionregistration\.k8s\.io\/v1, .*flowcontrol/,
  },
  ...['10.0.0.0/30', '10.0.0.255/32', '10/8', '10.0.0.0/16,10.1.0.0/16', 'a/b', ''].map((ranges) => ({
    what: `${ranges} as the ranges of Services`,
    body: { spec: { apiServer: { extraArgs: { 'service-cluster-ip-range': ranges } } } },
    pointer: '/spec/apiServer/extraArgs/service-cluster-ip-range',
    code: 'arguments_conflict',
  })),
  {
    what: 'a port on the nodes outside their range',
    body: { spec: { apiServer: { extraArgs: { 'kubernetes-service-node-port': '443' } } } },
    pointer: '/spec/apiServer/extraArgs/kubernetes-service-node-port',
    code: 'arguments_conflict',
    detail: /30000-32767/,
  },
  {
    what: 'an election that is too quick for the heartbeat',
    body: { spec: { etcd: { extraArgs: { 'heartbeat-interval': '300' } } } },
    pointer: '/spec/etcd/extraArgs/election-timeout',
    code: 'arguments_conflict',
    detail: /at least 1500/,
  },
  {
    what: 'a flag that is not allowed and another fault',
    body: { name: 'A', spec: { etcd: { extraArgs: { 'data-dir': '/' } } } },
    pointer: '/spec/etcd/extraArgs/data-dir',
  },
  { what: 'null, which is no object', body: null, pointer: '' },
  { what: 'text with half a character', body: { name: '\ud800' }, pointer: '/name' },
  { what: 'a label that is none', body: { labels: { 'a b': 'c' } }, pointer: '/labels/a b' },
];

for (const { what, body, pointer, code = 'validation_failed', detail } of cases) {
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
