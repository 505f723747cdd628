import { createHash } from 'node:crypto';
import path from 'node:path';
import t, { type Test } from 'tap';
import { createLogger } from '../../src/logger.ts';
import { idempotencyFields } from '../../src/redis/fields.ts';
import { readScripts } from '../../src/redis/scripts.ts';
import { startApi } from '../../src/start/api.ts';
import { startFakeService } from '../support/fake-service.ts';
import { entryOf } from '../support/idempotency-entry.ts';
import { createClient } from '../support/service.ts';
import { socketProxy } from '../support/socket-proxy.ts';
import { until } from '../support/until.ts';

t.setTimeout(300_000);

/** A service, and an API of it that reaches Redis by a proxy. */
const service = await startFakeService();
const { config, redis } = service;
const socket = path.join(config.dataDir, 'proxy.sock');
const proxy = socketProxy(socket, redis.options.path ?? '');
await proxy.comeBack();
const api = await startApi(config, { path: socket }, createLogger(config.logLevel));
t.teardown(async () => {
  await api.close();
  await proxy.leave();
  await service.close();
});
const client = createClient(() => api.url);
// Redis keeps a script from its first call on, and is asked for it by its checksum.
await client.remove((await client.create()).body.id);
const lua = readScripts().createSandbox?.lua ?? '';
const making = new RegExp(createHash('sha1').update(lua).digest('hex'));

const send = (name: string) =>
  client.call('POST', '/v1/sandboxes', { name }, { 'idempotency-key': name, prefer: 'wait=0' });
type Sent = ReturnType<typeof send>;
const idsNamed = async (wanted: string) =>
  (await service.admin.list()).body.items.filter(({ name }) => name === wanted).map(({ id }) => id);
/** How many the project's quota counts. */
const counted = async () => Number(await redis.hget('{sandplane}:project:default', 'used:sandboxes'));

/** What becomes of the request itself, until Redis is back. */
const cases = [
  {
    what: 'the answer of Redis to a create is lost: asked again, it finds what it has made',
    name: 'once',
    async comesTo(t: Test, first: Sent, made: string) {
      await proxy.comeBack();
      const { status, body } = await first;
      t.ok([202, 503].includes(status), `answered ${status}`);
      if (status === 202) t.equal(body.id, made);
    },
  },
  {
    what: 'the answer of Redis to a create is lost, and Redis with it: the repeat finds what was made',
    name: 'gone',
    async comesTo(t: Test, first: Sent) {
      t.match(await first, { status: 503, body: { code: 'store_unavailable' } });
      await proxy.comeBack();
      // As if that request had not been heard of for long.
      await redis.hset(entryOf('gone', 'default'), idempotencyFields.heardOfAt, '1');
    },
  },
];

for (const [before, { what, name, comesTo }] of cases.entries()) {
  t.test(what, async (t) => {
    const lost = proxy.loseAnswerTo(making);
    const first = send(name);
    await lost;
    const [made = ''] = await idsNamed(name);
    t.ok(made, 'Redis has carried it out');
    await comesTo(t, first, made);
    await until(async () => (await send(name)).status === 202);
    t.equal((await send(name)).body.id, made);
    t.same(await idsNamed(name), [made], 'one sandbox');
    t.equal(await counted(), before + 1, 'counted once');
  });
}
