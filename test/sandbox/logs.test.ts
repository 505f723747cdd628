import { rm } from 'node:fs/promises';
import t from 'tap';
import { AppError } from '../../src/errors.ts';
import { connectForWork } from '../../src/redis/connection.ts';
import { redisKeys } from '../../src/redis/keys.ts';
import { begun, createLogReader } from '../../src/sandbox/log-reader.ts';
import { serveLogs } from '../../src/sandbox/log-server.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { temporaryFolder } from '../support/service.ts';

const dir = await temporaryFolder();
const server = await startEmbeddedRedis(dir);
const connections = [1, 2, 3, 4].map(() => connectForWork(server.address));
await Promise.all(connections.map((connection) => connection.connect()));
const [redis, subscriber, hostRedis, hostSubscriber] = connections as [never, never, never, never];
const keys = redisKeys('logs');
const query = { sandboxId: 'sb-00000000000000000000', host: 'h', component: 'etcd', tail: 10, follow: false };
const never = new AbortController().signal;

let produced = 0;
let ended = Promise.withResolvers<void>();
const relay = await serveLogs({
  redis: hostRedis,
  subscriber: hostSubscriber,
  keys,
  host: 'h',
  async read({ component }) {
    if (component === 'none') throw new AppError('logs_unavailable', 'no log');
    return chunks(component === 'endless' ? Number.POSITIVE_INFINITY : 200);
  },
});
const read = createLogReader({ redis, subscriber, keys });
t.teardown(async () => {
  relay.close();
  for (const connection of connections) connection.disconnect();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

async function* chunks(count: number): AsyncGenerator<Buffer> {
  try {
    for (produced = 0; produced < count; produced += 1) yield Buffer.from(`line ${produced}\n`);
  } finally {
    ended.resolve();
  }
}

t.test('everything arrives, in order', async (t) => {
  let text = '';
  for await (const chunk of read(query, never)) text += chunk.toString();
  t.equal(text, Array.from({ length: 200 }, (_, i) => `line ${i}\n`).join(''));
});

t.test('a slow reader is not overrun, and one that goes away ends the sending', async (t) => {
  ended = Promise.withResolvers<void>();
  let received = 0;
  for await (const chunk of read({ ...query, component: 'endless', follow: true }, never)) {
    if (chunk.length > 0) received += 1;
    t.ok(produced - received <= 40, `${produced} sent for ${received} read`);
    if (received === 100) break;
  }
  await ended.promise;
});

t.test('what fails there fails here, and a host that is gone is told', async (t) => {
  const first = async (changed: object) => await read({ ...query, ...changed }, never).next();
  await t.rejects(first({ component: 'none' }), { code: 'logs_unavailable' });
  await t.rejects(first({ host: 'nobody' }), { code: 'no_worker' });
});

t.test('a reader that is called off ends', async (t) => {
  t.match(await read({ ...query, host: 'nobody' }, AbortSignal.timeout(50)).next(), { done: true });
});

t.test('a log that ends before its first piece, as the service stops, is not an empty one', async (t) => {
  const stopping = new AbortController();
  const reason = new AppError('shutting_down', 'stopping');
  setTimeout(() => stopping.abort(reason), 50);
  await t.rejects(begun(read({ ...query, host: 'nobody' }, stopping.signal), stopping.signal), reason);
});
