import t from 'tap';
import { buildApp } from '../../src/app.ts';
import { createLogger } from '../../src/logger.ts';
import { startFakeService } from '../support/fake-service.ts';
import { type Given, grpcClient, type Outcome, type ProtocolClient, restClient } from '../support/outcome.ts';

t.setTimeout(120_000);
const service = await startFakeService({ SANDPLANE_RATE_LIMIT: '100000' });
t.teardown(() => service.close());
// Only the shape of the routes is asked for: no handler is ever called.
const shape = await buildApp({
  ...({} as Parameters<typeof buildApp>[0]),
  corsOrigins: [],
  trustedProxies: [],
  logger: createLogger('silent'),
});
t.teardown(() => shape.close());

/** What the steps before have made. */
interface Made {
  readonly project: string;
  readonly readKey: string;
  [name: string]: string;
}

/** [what, operation, what is given, the code it fails with or null, what is kept of the answer: name and field] */
type Step = [
  what: string,
  operationId: string,
  given: (made: Made) => Given,
  code: string | null,
  keep?: readonly [name: string, field: string],
];

const ofItsOwn =
  /^(id|uid|at|since|secret|endpoint|timings|used|resourceVersion|lastUsedAt|nextCursor|requestId|\w+At|lastTransitionTime|sandboxSeconds)$/;

const none = () => ({});
const unknownId = 'sb-00000000000000000000';
const one = ({ sandbox }: Made) => ({ params: { id: sandbox } });
const ofProject = ({ project }: Made) => ({ params: { project } });
const hook = ({ webhook }: Made) => ({ params: { id: webhook } });

const steps: readonly Step[] = [
  ['who asks', 'getWhoami', none, null],
  ['without a key', 'getWhoami', () => ({ key: '' }), 'unauthenticated'],
  ['with something else', 'getWhoami', () => ({ key: 'nonsense' }), 'key_malformed'],
  ['a key that may not', 'createSandbox', ({ readKey }) => ({ key: readKey, body: {} }), 'insufficient_scope'],
  ['what can be run', 'listVersions', none, null],

  ['create', 'createSandbox', () => ({ body: { name: 'first', labels: { team: 'ci' } } }), null, ['sandbox', 'id']],
  ['create and wait', 'createSandbox', () => ({ body: { name: 'second' }, headers: { prefer: 'wait=20' } }), null],
  [
    'create, all given',
    'createSandbox',
    () => ({ body: { name: 'third', labels: { 'a.b/c': 'd' }, spec: full } }),
    null,
    ['third', 'id'],
  ],
  ['a bad name', 'createSandbox', () => ({ body: { name: 'No!' } }), 'validation_failed'],
  ['several faults', 'createSandbox', () => ({ body: { name: 'No!', spec: { ttlSeconds: -1 } } }), 'validation_failed'],
  [
    'a version that is not',
    'createSandbox',
    () => ({ body: { spec: { kubernetesVersion: '1.2.3' } } }),
    'unsupported_version',
  ],
  [
    'a flag that is not allowed',
    'createSandbox',
    () => ({ body: { spec: { apiServer: { extraArgs: { 'etcd-servers': 'x' } } } } }),
    'argument_not_allowed',
  ],
  [
    'flags that contradict one another',
    'createSandbox',
    () => ({ body: { spec: { etcd: { extraArgs: { 'heartbeat-interval': '500' } } } } }),
    'arguments_conflict',
  ],
  [
    'once',
    'createSandbox',
    () => ({ body: { name: 'once' }, headers: { 'idempotency-key': 'k1' } }),
    null,
    ['once', 'id'],
  ],
  ['once again', 'createSandbox', () => ({ body: { name: 'once' }, headers: { 'idempotency-key': 'k1' } }), null],
  [
    'the same key for another',
    'createSandbox',
    () => ({ body: { name: 'twice' }, headers: { 'idempotency-key': 'k1' } }),
    'idempotency_mismatch',
  ],

  ['wait', 'waitForSandbox', one, null],
  ['wait for what cannot be', 'waitForSandbox', (m) => ({ ...one(m), query: { for: 'pending' } }), 'phase_unreachable'],
  ['wait too short', 'waitForSandbox', (m) => ({ ...one(m), query: { for: 'degraded', timeout: 0 } }), 'wait_timeout'],
  ['wait too long', 'waitForSandbox', (m) => ({ ...one(m), query: { timeout: 301 } }), 'validation_failed'],
  ['read', 'getSandbox', one, null],
  ['read an unknown one', 'getSandbox', () => ({ params: { id: unknownId } }), 'not_found'],
  ['read what is no id', 'getSandbox', () => ({ params: { id: 'x' } }), 'validation_failed'],
  ['kubeconfig of an unknown one', 'getKubeconfig', () => ({ params: { id: unknownId } }), 'not_found'],
  ['its history', 'listSandboxEvents', one, null],
  ['wait for the third', 'waitForSandbox', ({ third }) => ({ params: { id: third } }), null],
  ['wait for that of once', 'waitForSandbox', ({ once }) => ({ params: { id: once } }), null],
  ['list', 'listSandboxes', () => ({ query: { limit: 2 } }), null],
  ['list by label', 'listSandboxes', () => ({ query: { label: ['team in (ci, qa)'] } }), null],
  ['list by phase', 'listSandboxes', () => ({ query: { phase: 'failed' } }), null],
  ['a bad selector', 'listSandboxes', () => ({ query: { label: ['='] } }), 'invalid_selector'],
  ['a bad cursor', 'listSandboxes', () => ({ query: { cursor: 'x' } }), 'invalid_cursor'],
  ['a page too large', 'listSandboxes', () => ({ query: { limit: 501 } }), 'validation_failed'],

  ['change the name', 'updateSandbox', (m) => ({ ...one(m), body: { name: 'renamed' } }), null],
  [
    'merge and remove labels',
    'updateSandbox',
    (m) => ({ ...one(m), body: { labels: { team: null, owner: 'ann' } }, mask: ['labels.team', 'labels.owner'] }),
    null,
  ],
  ['reset the name', 'updateSandbox', (m) => ({ ...one(m), body: { name: null }, mask: ['name'] }), null],
  [
    'a time to live',
    'updateSandbox',
    (m) => ({ ...one(m), body: { spec: { ttlSeconds: 60 } }, mask: ['spec.ttl_seconds'] }),
    null,
  ],
  [
    'what cannot change',
    'updateSandbox',
    (m) => ({ ...one(m), body: { spec: { etcdVersion: '3.6.16' } } }),
    'validation_failed',
  ],
  [
    'a version that is past',
    'updateSandbox',
    (m) => ({ ...one(m), body: { name: 'late' }, headers: { 'if-match': '"1"' } }),
    'precondition_failed',
  ],

  [
    'whatever version it has',
    'updateSandbox',
    (m) => ({ ...one(m), body: { name: 'any' }, headers: { 'if-match': '*' } }),
    null,
  ],

  ['usage', 'getUsage', none, null],
  ['usage backwards', 'getUsage', () => ({ query: { from: '2026-02-02', to: '2026-02-01' } }), 'validation_failed'],
  ['usage of no day', 'getUsage', () => ({ query: { from: 'yesterday' } }), 'validation_failed'],

  [
    'make a key',
    'createKey',
    (m) => ({ ...ofProject(m), body: { name: 'ci', scopes: ['read'] } }),
    null,
    ['key', 'id'],
  ],
  [
    'a key that has ended',
    'createKey',
    (m) => ({ ...ofProject(m), body: { name: 'old', expiresAt: '2020-01-01T00:00:00.000Z' } }),
    'validation_failed',
  ],
  ['a key of no name', 'createKey', (m) => ({ ...ofProject(m), body: { scopes: ['read'] } }), 'validation_failed'],
  ['keys', 'listKeys', ofProject, null],
  ['read a key', 'getKey', ({ project, key }) => ({ params: { project, key } }), null],
  ['revoke it', 'revokeKey', ({ project, key }) => ({ params: { project, key } }), null],
  ['keys of another project', 'listKeys', () => ({ params: { project: 'default' } }), 'not_found'],

  ['its project', 'getProject', ofProject, null],
  ['all projects', 'listProjects', none, null],
  ['a project without the right', 'createProject', () => ({ body: { name: 'mine' } }), 'insufficient_scope'],
  [
    'a project that is there',
    'createProject',
    ({ admin, project }) => ({ key: admin as string, body: { name: project } }),
    'project_exists',
  ],
  [
    'the project that stays',
    'deleteProject',
    ({ admin }) => ({ key: admin as string, params: { project: 'default' } }),
    'project_protected',
  ],

  [
    'add a receiver',
    'createWebhook',
    () => ({ body: { url: 'https://8.8.8.8/hook', events: ['sandbox.ready'] } }),
    null,
    ['webhook', 'id'],
  ],
  [
    'a receiver at home',
    'createWebhook',
    () => ({ body: { url: 'https://127.0.0.1/hook' } }),
    'webhook_address_forbidden',
  ],
  ['read it', 'getWebhook', hook, null],
  ['receivers', 'listWebhooks', none, null],
  ['disable it', 'updateWebhook', (m) => ({ ...hook(m), body: { disabled: true } }), null],
  ['all events', 'updateWebhook', (m) => ({ ...hook(m), body: { events: [] }, mask: ['events'] }), null],
  ['a new secret', 'rotateWebhookSecret', hook, null],
  ['what was sent', 'listDeliveries', hook, null],
  [
    'what was not sent',
    'getDelivery',
    ({ webhook }) => ({ params: { id: webhook, delivery: 'dl-1-0-00000000000000000000' } }),
    'not_found',
  ],
  [
    'send it again',
    'replayDelivery',
    ({ webhook }) => ({ params: { id: webhook, delivery: 'dl-1-0-00000000000000000000' } }),
    'not_found',
  ],
  ['remove it', 'deleteWebhook', hook, null],

  [
    'a limit',
    'updateProject',
    ({ admin, project }) => ({ key: admin as string, params: { project }, body: tight }),
    null,
  ],
  ['one too many', 'createSandbox', () => ({ body: {} }), 'quota_exceeded'],
  [
    'no limit of its own any more',
    'updateProject',
    ({ admin, project }) => ({
      key: admin as string,
      params: { project },
      body: { quotas: { sandboxes: null } },
      mask: ['quotas.sandboxes'],
    }),
    null,
  ],

  ['delete', 'deleteSandbox', one, null],
  ['delete by force', 'deleteSandbox', ({ third }) => ({ params: { id: third }, query: { force: true } }), null],
  ['wait for the end', 'waitForSandbox', (m) => ({ ...one(m), query: { for: 'deleted', timeout: 20 } }), null],
  ['read what is gone', 'getSandbox', one, 'not_found'],
  ['what was done', 'listAudit', () => ({ query: { limit: 500 } }), null],
  ['what was done, for all', 'listAudit', ({ readKey }) => ({ key: readKey }), 'insufficient_scope'],
  [
    'delete with its sandboxes',
    'deleteProject',
    ({ admin, project }) => ({ key: admin as string, params: { project }, query: { sandboxes: 'delete' } }),
    null,
  ],
];

const tight = { quotas: { sandboxes: 1 } };
const full = {
  kubernetesVersion: '1.36',
  runtime: 'process',
  durability: 'durable',
  ttlSeconds: 600,
  apiServer: { extraArgs: { 'max-requests-inflight': '800' }, featureGates: { WatchList: true }, runtimeConfig: {} },
  etcd: { extraArgs: {} },
};

/** Runs the steps in a project of its own, and tells how each ended. */
async function play(project: string, connect: (key: string) => ProtocolClient): Promise<Outcome[]> {
  const own = await service.project(project);
  const { body } = await own.call<{ secret: string }>('POST', `/v1/projects/${project}/keys`, {
    name: 'r',
    scopes: ['read'],
  });
  const client = connect(keyOf(own));
  const admin = keyOf(service.admin);
  const made: Made = { project, readKey: body.secret, admin };
  const outcomes: Outcome[] = [];
  for (const [what, operationId, given, , keep] of steps) {
    const outcome = await client.call(operationId, given(made));
    if (keep) {
      const value = outcome.body[keep[1]];
      if (typeof value !== 'string') throw new Error(`${client.protocol}: ${what} gave ${JSON.stringify(outcome)}`);
      made[keep[0]] = value;
    }
    outcomes.push(outcome);
  }
  return outcomes;
}

function keyOf({ authorization }: { authorization: Record<string, string> }): string {
  return authorization.authorization?.replace('Bearer ', '') ?? '';
}

const grpcClients: { close(): void }[] = [];
t.teardown(() => {
  for (const client of grpcClients) client.close();
});
const rest = await play('by-rest', (key) => restClient(service.url(), shape.operations, key));
const grpc = await play('by-grpc', (key) => {
  const client = grpcClient(service.grpcAddress(), key);
  grpcClients.push(client);
  return client;
});

for (const [i, [what, operationId, , code]] of steps.entries()) {
  t.test(`${operationId}: ${what}`, async (t) => {
    t.equal(rest[i]?.code, code, 'REST ends as it should');
    t.same(plain(grpc[i]), plain(rest[i]), 'gRPC ends the same');
  });
}

t.test('every operation is in the table', async (t) => {
  const tried = new Set(steps.map(([, operationId]) => operationId));
  // These stream, or are said by the health service: tested in a file of their own.
  const others = new Set(['getReadiness', 'watchSandboxes', 'watchSandbox', 'getLogs']);
  t.same(
    [...shape.operations.keys()].filter((id) => !tried.has(id) && !others.has(id)),
    [],
  );
});

/** Without what differs from run to run, and without what is empty: over gRPC it is not sent. */
function plain(value: unknown, key = ''): unknown {
  if (ofItsOwn.test(key)) return typeof value;
  if (Array.isArray(value)) return value.map((one) => plain(one));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .toSorted()
      .map(([name, one]) => [name, plain(one, name)] as const);
    return Object.fromEntries(entries.filter(([, one]) => !isEmpty(one)));
  }
  if (typeof value !== 'string') return value;
  return value
    .replace(/by-(rest|grpc)/g, 'project')
    .replace(/(sb|wh)-[0-9a-z]{20}/g, '$1')
    .replace(/\d+ ms/g, 'ms')
    .replace(/(key:|keys\/)[0-9a-z]{12}/g, '$1');
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  // The type of what is null or 0.
  return !value || value === 'object' || value === 'undefined';
}

t.test('one Idempotency-Key, by both protocols', async (t) => {
  const project = await service.project('both');
  const byGrpc = grpcClient(service.grpcAddress(), keyOf(project));
  grpcClients.push(byGrpc);
  const byRest = restClient(service.url(), shape.operations, keyOf(project));
  const headers = { 'idempotency-key': 'the-same' };
  const labels = { a: '1', b: '2' };
  const first = await byRest.call('createSandbox', { headers, body: { name: 'once', labels, spec: { etcd: {} } } });
  const turned = { b: '2', a: '1' };
  const second = await byGrpc.call('createSandbox', { headers, body: { name: 'once', labels: turned } });
  t.equal(second.code, null, 'maps have no order, and what is empty need not be sent');
  t.equal(second.body.id, first.body.id);
  const other = await byGrpc.call('createSandbox', { headers, body: { name: 'once', labels: { a: '2', b: '1' } } });
  t.equal(other.code, 'idempotency_mismatch');
});

t.test('what only gRPC can say wrongly', async (t) => {
  const project = await service.project('wrong');
  const client = grpcClient(service.grpcAddress(), keyOf(project));
  grpcClients.push(client);
  for (const seconds of [301, 1_000_000, -1]) {
    const outcome = await client.call('createSandbox', { headers: { prefer: `wait=${seconds}` }, body: {} });
    t.match(outcome, { code: 'validation_failed', fields: ['wait_seconds'] }, `${seconds} s`);
  }
  const { body } = await client.call('createSandbox', { body: { labels: { a: '1', b: '2' } } });
  const params = { id: body.id };
  const merged = await client.call('updateSandbox', { params, body: { labels: { c: '3' } }, mask: ['labels'] });
  t.match(merged, { code: 'validation_failed', fields: ['update_mask'] }, 'it could mean two things');
  const unknown = await client.call('updateSandbox', { params, body: {}, mask: ['__proto__', 'status'] });
  t.match(unknown, { code: 'validation_failed', fields: ['__proto__', 'status'] });
  const none = await client.call('updateSandbox', { params, body: {}, mask: ['labels'] });
  t.notOk(none.body.labels, 'all labels are gone');
});
