import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { execa } from 'execa';
import t from 'tap';
import { createSandbox } from '../../src/testing/create-sandbox.ts';
import { startFakeService } from '../support/fake-service.ts';
import { listenLocally } from '../support/listen-locally.ts';
import { testAdminKey } from '../support/service.ts';
import { until } from '../support/until.ts';

/** The helper with a network that loses answers, and with a service that has much to do. */
let startMs = 0;
const service = await startFakeService({}, { startMs: () => startMs });
t.teardown(() => service.close());

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}
/** What happens between the helper and the service; null cuts the connection. */
type Between = (request: IncomingMessage, forward: () => Promise<Answer>) => Promise<Answer | null>;

async function through(between: Between): Promise<{ url: string; key: string }> {
  const server = createServer((request, reply) => void pass(request, reply));
  async function pass(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const body = await text(request);
    const answer = await between(request, () => forward(request, body));
    if (answer) reply.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body);
    else request.socket.destroy();
  }
  return { url: `http://127.0.0.1:${await listenLocally(t, server)}`, key: testAdminKey };
}

async function forward({ method = '', url = '', headers }: IncomingMessage, body: string): Promise<Answer> {
  const kept = Object.entries(headers).filter(([name]) => /^(authorization|content-type|idempotency-key)$/.test(name));
  const answer = await fetch(`${service.url()}${url}`, {
    method,
    headers: kept as [string, string][],
    ...(body ? { body } : {}),
  });
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', body: await answer.text() };
}

const all = async () => (await service.admin.list()).body.items;

t.test('an answer that got lost makes no second sandbox', async (t) => {
  const lost: string[] = [];
  // The first answer to each thing that is asked.
  const access = await through(async ({ method, url }, forward) => {
    const answer = await forward();
    const what = `${method} ${url?.split('?')[0]?.replace(/sb-\w+/, 'ID')}`;
    if (lost.includes(what)) return answer;
    lost.push(what);
    return null;
  });
  const sandbox = await createSandbox(access);
  t.same(
    (await all()).map(({ id }) => id),
    [sandbox.id],
  );
  await sandbox.delete();
  t.same(await all(), []);
  t.same(lost.sort(), [
    'DELETE /v1/sandboxes/ID',
    'GET /v1/sandboxes/ID/kubeconfig',
    'GET /v1/sandboxes/ID/wait',
    'POST /v1/sandboxes',
  ]);
});

t.test('called off before the answer to its create came, it leaves nothing', async (t) => {
  const stop = new AbortController();
  const access = await through(async ({ method }, forward) => {
    const answer = await forward();
    if (method !== 'POST' || stop.signal.aborted) return answer;
    stop.abort(new Error('called off'));
    return null;
  });
  await t.rejects(createSandbox({ ...access, signal: stop.signal }), { message: 'called off' });
  t.same(await all(), []);
});

t.test('a proxy that has no service behind it is waited for', async (t) => {
  let refusals = 2;
  const access = await through(async (_request, forward) => {
    refusals -= 1;
    return refusals < 0 ? await forward() : { status: 502, type: 'text/html', body: '<h1>Bad Gateway</h1>' };
  });
  const sandbox = await createSandbox(access);
  t.equal((await all()).length, 1);
  t.ok(sandbox.kubeconfig.includes('clusters:'));
  await sandbox.delete();
});

t.test('what cannot be deleted is named', async (t) => {
  const forbidden = {
    status: 403,
    type: 'application/problem+json',
    body: JSON.stringify({ code: 'x', detail: 'no' }),
  };
  const access = await through(async ({ method, url }, forward) =>
    method === 'DELETE' || url?.endsWith('/kubeconfig') ? forbidden : await forward(),
  );
  await t.rejects(createSandbox(access), { code: 'left_behind', message: /sb-\w{20} could not be deleted/ });
  const [left] = await all();
  t.ok(left);
  await service.admin.remove(left?.id ?? '');
});

t.test('what takes too long is told with its position in the queue, and deleted', async (t) => {
  const access = { url: service.url(), key: testAdminKey };
  startMs = 100_000;
  t.teardown(() => {
    startMs = 0;
  });
  const stop = new AbortController();
  const before = Array.from({ length: service.config.startConcurrency }, () =>
    createSandbox({ ...access, signal: stop.signal }).catch((error: unknown) => error),
  );
  await until(async () => (await inPhase('provisioning')) === service.config.startConcurrency);
  await t.rejects(createSandbox({ ...access, timeoutMs: 1000 }), {
    code: 'not_ready_in_time',
    message: /is pending, at position 1 of the queue, not ready, after 1000 ms/,
  });
  stop.abort(new Error('called off'));
  for (const error of await Promise.all(before)) t.match(error, { message: 'called off' });
  t.same(await all(), []);
});

const inPhase = async (phase: string) => (await all()).filter(({ status }) => status.phase === phase).length;

t.test('where Node sends everything through a proxy, that is not told the key of this machine', async (t) => {
  const asked: unknown[] = [];
  const proxy = createServer((request, reply) => {
    asked.push(request.url);
    reply.writeHead(403).end();
  });
  proxy.on('connect', ({ url }, socket) => {
    asked.push(url);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  const port = await listenLocally(t, proxy);
  const source = `
    const { createSandbox } = await import('./src/testing/create-sandbox.ts');
    const sandbox = await createSandbox();
    await sandbox.delete();
    console.log(sandbox.id);`;
  const env = {
    SANDPLANE_URL: service.url(),
    SANDPLANE_KEY: testAdminKey,
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: `http://127.0.0.1:${port}`,
  };
  const program = await execa(process.execPath, ['--input-type=module', '-e', source], { env, reject: false });
  t.same(asked, []);
  t.match(program.stdout, /^sb-/);
});
