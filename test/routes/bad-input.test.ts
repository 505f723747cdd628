import t from 'tap';
import { type App, buildApp } from '../../src/app.ts';
import { resolveVersions } from '../../src/components/catalog.ts';
import { createLogger } from '../../src/logger.ts';
import { createSandboxService } from '../../src/sandbox/service.ts';
import type { Problem } from '../../src/schemas/problem.ts';

/** What is refused before anything is stored: a store that notes every write stands behind a real service. */
const key = 'sp_admin_0123456789abcdef';
const auth = { authorization: `Bearer ${key}` };
const writes: string[] = [];
const app = await buildApp({
  service: createSandboxService({
    store: {
      get: async () => null,
      create: async () => {
        writes.push('create');
        throw new Error('not in this test');
      },
      update: async () => null,
    } as never,
    starts: { positions: async () => [] } as never,
    hosts: { place: async () => ({ host: 'h', runtime: 'process' }), alive: async () => [] } as never,
    changes: { listen: () => ({ next: async () => undefined, close: () => undefined }) } as never,
    wake: async () => void writes.push('wake'),
    resolveVersions,
    readLogs: async function* () {},
    logger: createLogger('silent'),
  }),
  once: async (_request, work) => await work('sb-00000000000000000000'),
  adminKey: key,
  checkStore: async () => undefined,
  logger: createLogger('silent'),
});
t.teardown(() => app.close());

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
    body: { spec: { apiServer: { extraArgs: { v: '10' } } } },
    pointer: '/spec/apiServer/extraArgs/v',
    code: 'argument_not_allowed',
  },
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
    t.same(writes, [], 'nothing was written, and nobody woken');
  });
}

t.test('several faults are told at once', async (t) => {
  const { problem } = await send('POST', '/v1/sandboxes', { name: 'A', labels: 5, extra: 1 });
  t.same(problem.errors?.map(({ pointer }) => pointer).sort(), ['/extra', '/labels', '/name']);
});

t.test('bodies that cannot be read', async (t) => {
  for (const [payload, type, status, code] of [
    ['{"name":', 'application/json', 400, 'malformed_body'],
    ['', 'application/json', 400, 'malformed_body'],
    ['name=x', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    [JSON.stringify({ name: 'x'.repeat(70_000) }), 'application/json', 413, 'body_too_large'],
  ] as const) {
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/sandboxes',
      payload,
      headers: { ...auth, 'content-type': type },
    });
    t.equal(answer.statusCode, status, code);
    t.match(answer.json(), { code });
    t.match(answer.headers['content-type'], 'application/problem+json');
  }
  t.same(writes, []);
});

t.test('keys', async (t) => {
  for (const authorization of [undefined, 'Bearer', 'Bearer wrong', `Basic ${key}`, `Bearer ${key}x`]) {
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await app.inject({ method: 'GET', url: '/v1/sandboxes', headers });
    t.match(answer.json(), { code: 'unauthenticated', status: 401 });
    t.equal(answer.headers['www-authenticate'], 'Bearer');
  }
  for (const open of ['/readyz', '/openapi.json', '/docs/']) {
    t.equal((await app.inject({ method: 'GET', url: open })).statusCode, 200, `${open} needs none`);
  }
});

t.test('queries, ids and routes', async (t) => {
  const id = 'sb-00000000000000000000';
  for (const [url, status, code] of [
    ['/v1/sandboxes?limit=0', 422, 'validation_failed'],
    ['/v1/sandboxes?limit=many', 422, 'validation_failed'],
    ['/v1/sandboxes?color=red', 422, 'validation_failed'],
    ['/v1/sandboxes?cursor=nonsense', 422, 'validation_failed'],
    ['/v1/sandboxes?label=nonsense', 422, 'validation_failed'],
    ['/v1/sandboxes/..%2Fhosts', 422, 'validation_failed'],
    [`/v1/sandboxes/${id}`, 404, 'not_found'],
    [`/v1/sandboxes/${id}/kubeconfig`, 404, 'not_found'],
    [`/v1/sandboxes/${id}/logs`, 404, 'not_found'],
    [`/v1/sandboxes/${id}/logs?component=redis`, 422, 'validation_failed'],
    [`/v1/sandboxes/${id}/wait?for=happiness`, 422, 'validation_failed'],
    ['/v1/nothing', 404, 'not_found'],
  ] as const) {
    const answer = await app.inject({ method: 'GET', url, headers: auth });
    t.equal(answer.statusCode, status, url);
    t.match(answer.json(), { code }, url);
  }
});

async function send(method: 'POST', url: string, payload: unknown): Promise<{ status: number; problem: Problem }> {
  const answer = await (app as App).inject({ method, url, payload: payload as object, headers: auth });
  return { status: answer.statusCode, problem: answer.json() };
}
