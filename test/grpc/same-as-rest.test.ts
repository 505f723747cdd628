import t from 'tap';
import { buildApp } from '../../src/app.ts';
import { createLogger } from '../../src/logger.ts';
import { startFakeService } from '../support/fake-service.ts';
import { grpcClient, type Outcome, type ProtocolClient, restClient } from '../support/outcome.ts';
import { type Made, steps } from './protocol-steps.ts';

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

const ofItsOwn =
  /^(id|uid|at|since|secret|endpoint|timings|used|resourceVersion|lastUsedAt|nextCursor|requestId|\w+At|lastTransitionTime|sandboxSeconds)$/;

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
