import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { Delivery } from '../../src/schemas/webhook.ts';
import { startFakeService } from '../support/fake-service.ts';
import { listenTo } from '../support/listener.ts';
import type { createClient } from '../support/service.ts';
import { until } from '../support/until.ts';

/**
 * Nobody sees or touches what is another project's. The operations are those of the OpenAPI document: a new route is
 * tried here without anybody thinking of it.
 */
t.setTimeout(120_000);
let startMs = 0;
const service = await startFakeService(
  {
    SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
    SANDPLANE_START_CONCURRENCY: '1',
    // While the store is listened to, only the requests of this test are to be heard.
    SANDPLANE_SWEEP_INTERVAL_MS: '600000',
    SANDPLANE_WEBHOOK_RETRY_SECONDS: '0.01',
  },
  { startMs: () => startMs },
);
const store = await listenTo(service.redis);
t.teardown(async () => {
  store.close();
  await service.close();
});
type Client = ReturnType<typeof createClient>;
const mine = await service.project('mine');
const theirs = await service.project('theirs');

const methods = ['get', 'post', 'patch', 'put', 'delete'] as const;
interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
}
type Document = { paths: Record<string, Partial<Record<(typeof methods)[number], { operationId: string }>>> };
const document = (await service.admin.call<Document>('GET', '/openapi.json')).body;
const operations: Operation[] = Object.entries(document.paths).flatMap(([path, item]) =>
  methods.flatMap((method) => {
    const operationId = item[method]?.operationId;
    return operationId && path.includes('{') ? [{ operationId, method: method.toUpperCase(), path }] : [];
  }),
);

/** Something of each kind, with names that can be looked for. */
async function furnish(client: Client, project: string) {
  const sandbox = (await client.create({ name: `sandbox-of-${project}`, labels: { owner: project } })).body.id;
  const hook = { url: 'http://127.0.0.1:1/', description: `hook-of-${project}` };
  const webhook = (await client.call('POST', '/v1/webhooks', hook)).body.id;
  const keysPath = `/v1/projects/${project}/keys`;
  const key = (await client.call('POST', keysPath, { name: `key-of-${project}`, scopes: ['read'] })).body.id;
  await client.call('PATCH', `/v1/sandboxes/${sandbox}`, { labels: { touched: project } });
  const delivery = await firstDelivery(client, webhook);
  return { project, sandbox, webhook, key, delivery };
}

/** The first of the deliveries, once all were given up: nobody takes them. */
async function firstDelivery(client: Client, webhook: string): Promise<string> {
  for (;;) {
    const { body } = await client.call<{ items: Delivery[] }>('GET', `/v1/webhooks/${webhook}/deliveries`);
    if (body.items[0] && body.items.every(({ state }) => state === 'failed')) return body.items[0].id;
    await delay(20);
  }
}

/** A sandbox that waits for its turn: it has a place in a queue to be read. */
async function waitingSandbox(client: Client): Promise<string> {
  startMs = 600_000;
  const one = () => client.call('POST', '/v1/sandboxes', {});
  await client.waitFor((await one()).body.id, 'provisioning');
  return (await one()).body.id;
}

const [ours, others] = [await furnish(mine, 'mine'), await furnish(theirs, 'theirs')];
const waiting = { ...others, sandbox: await waitingSandbox(theirs) };
// What happened so far has been told: from here on, nobody but the tests asks about any of them.
await until(async () => {
  const [outbox, queued] = ['{sandplane}:outbox', '{sandplane}:projects-with-events'];
  return (await service.redis.xlen(outbox)) + (await service.redis.zcard(queued)) === 0;
});
const unknown = {
  project: 'nobody',
  sandbox: 'sb-00000000000000000000',
  webhook: 'wh-00000000000000000000',
  key: '000000000000',
  delivery: 'dl-1-0-00000000000000000000',
};

/** A path with the ids of somebody. */
function fill(path: string, ids: typeof ours): string {
  return path
    .replace('{project}', ids.project)
    .replace('{key}', ids.key)
    .replace('{delivery}', ids.delivery)
    .replace('{id}', path.startsWith('/v1/webhooks') ? ids.webhook : ids.sandbox);
}

const bodies: Readonly<Record<string, object>> = {
  createKey: { name: 'x' },
  updateProject: { quotas: { sandboxes: 1 } },
  updateSandbox: { name: 'taken-over' },
  updateWebhook: { description: 'taken over' },
};

/** What the store is asked about `ids` meanwhile. */
async function listening<Result>(ids: typeof ours, work: () => Promise<Result>) {
  const { result, commands } = await store.during(work);
  const names = Object.values(ids);
  return { result, about: commands.filter((command) => names.some((name) => command.includes(name))) };
}

async function attempt({ operationId, method, path }: Operation, ids: typeof ours) {
  const target = fill(path, ids);
  const { result, about } = await listening(ids, () =>
    mine.call<Record<string, unknown>>(method, target, bodies[operationId]),
  );
  // What differs is what was asked for, and when.
  const longestFirst = Object.values(ids).sort((a, b) => b.length - a.length);
  const unnamed = (text: string) =>
    longestFirst.reduce((all, id) => all.replaceAll(id, '…'), text).replace(/req-[0-9a-f-]+/, '…');
  return { status: result.status, body: unnamed(JSON.stringify(result.body)), about: about.map(unnamed) };
}

t.ok(operations.length >= 20, `${operations.length} operations with an id in their path`);

for (const operation of operations) {
  t.test(`${operation.operationId} with the ids of another project`, async (t) => {
    // The first time, a script is sent in full.
    await attempt(operation, unknown);
    const nobody = await attempt(operation, unknown);
    for (const [what, ids] of Object.entries({ others, waiting })) {
      const foreign = await attempt(operation, ids);
      t.equal(foreign.status, 404);
      t.equal(foreign.body, nobody.body, `${what}: the same answer as to an id that there is not`);
      t.same(foreign.about, nobody.about, `${what}: after the same questions to the store, and so in the same time`);
    }
  });
}

t.test('the store is heard', async (t) => {
  const { about } = await listening(ours, () => mine.get(ours.sandbox));
  t.ok(about.length > 0);
});

t.test('after all that, what the other project has is as it was', async (t) => {
  t.match((await theirs.get(others.sandbox)).body, { name: 'sandbox-of-theirs', status: { phase: 'ready' } });
  const hook = await theirs.call('GET', `/v1/webhooks/${others.webhook}`);
  t.match(hook.body, { description: 'hook-of-theirs' });
  t.equal((await theirs.call('GET', `/v1/projects/theirs/keys/${others.key}`)).status, 200);
});

t.test('mixed ids: a delivery of theirs below a webhook of mine', async (t) => {
  const path = `/v1/webhooks/${ours.webhook}/deliveries/${others.delivery}`;
  t.equal((await mine.call('GET', path)).status, 404);
  t.equal((await mine.call('POST', `${path}/replay`)).status, 404);
});

t.test('lists, usage, audit and versions show nothing of the other', async (t) => {
  for (const path of [
    '/v1/sandboxes?limit=500',
    '/v1/webhooks',
    '/v1/projects',
    '/v1/projects/mine/keys',
    '/v1/usage',
    `/v1/webhooks/${ours.webhook}/deliveries`,
  ]) {
    const { status, body } = await mine.call<object>('GET', path);
    t.equal(status, 200, path);
    const text = JSON.stringify(body);
    t.ok(text.includes('mine') || text.includes(ours.webhook), `${path} shows what is ours`);
    for (const id of Object.values(others)) t.notOk(text.includes(id), `${path} has no ${id}`);
  }
});

t.test('the audit log has what was tried here, and nothing that was done there', async (t) => {
  type Log = { items: { subject: string; target: string; result: string }[] };
  const { items } = (await mine.call<Log>('GET', '/v1/audit?limit=500')).body;
  t.ok(items.some(({ target, result }) => target.endsWith(ours.sandbox) && result === 'done'));
  const foreign = items.filter(({ target }) => Object.values(others).some((id) => target.includes(id)));
  t.ok(foreign.length > 0 && foreign.every(({ result }) => result === 'refused'), 'only what was refused to us');
});

t.test('a watch shows nothing of the other', async (t) => {
  const stop = new AbortController();
  const response = await fetch(`${service.url()}/v1/sandboxes/watch`, {
    headers: { ...mine.authorization, accept: 'application/x-ndjson' },
    signal: stop.signal,
  });
  await theirs.call('PATCH', `/v1/sandboxes/${others.sandbox}`, { labels: { seen: 'no' } });
  await mine.call('PATCH', `/v1/sandboxes/${ours.sandbox}`, { labels: { seen: 'yes' } });
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes('"seen":"yes"')) break;
  }
  stop.abort();
  t.notMatch(text, /theirs/);
});

t.test('the header of another project', async (t) => {
  const named = await mine.call('GET', '/v1/sandboxes', undefined, { 'sandplane-project': 'theirs' });
  const nobody = await mine.call('GET', '/v1/sandboxes', undefined, { 'sandplane-project': 'nobody' });
  t.match([named.status, nobody.status], [404, 404]);
  for (const odd of ['default:counters', '../x', 'a b', 'x'.repeat(300)]) {
    const answer = await service.admin.call('GET', '/v1/sandboxes', undefined, { 'sandplane-project': odd });
    t.match(answer.body, { code: 'not_found' }, odd);
  }
});

t.test('an Idempotency-Key belongs to its project', async (t) => {
  const headers = { 'idempotency-key': 'the-same' };
  const one = await mine.call('POST', '/v1/sandboxes', { name: 'one' }, headers);
  const other = await theirs.call('POST', '/v1/sandboxes', { name: 'two' }, headers);
  t.match([one.status, other.status], [202, 202]);
  t.not(one.body.id, other.body.id);
});

t.test('foreign ids take the time of unknown ones', async (t) => {
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const ratios: number[] = [];
  for (const { operationId, method, path } of operations) {
    const time = async (ids: typeof ours) => {
      const began = performance.now();
      await mine.call(method, fill(path, ids), bodies[operationId]);
      return performance.now() - began;
    };
    const times = { foreign: [] as number[], unknown: [] as number[] };
    for (let i = 0; i < 60; i += 1) {
      times.foreign.push(await time(others));
      times.unknown.push(await time(unknown));
    }
    ratios.push(median(times.foreign) / median(times.unknown));
  }
  // No bound on the time itself; of two that are the same, neither is a quarter longer.
  t.ok(Math.abs(median(ratios) - 1) < 0.25, `ratios by operation: ${ratios.map((ratio) => ratio.toFixed(2))}`);
});
