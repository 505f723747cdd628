import { rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import t from 'tap';
import { connectForWork } from '../../src/redis/connection.ts';
import { redisKeys } from '../../src/redis/keys.ts';
import { createSealer } from '../../src/redis/seal.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { createDeliveries } from '../../src/webhooks/deliveries.ts';
import { createEventQueues } from '../../src/webhooks/event-queues.ts';
import { createFanOut } from '../../src/webhooks/fan-out.ts';
import { drainOutbox, outboxGroup } from '../../src/webhooks/outbox.ts';
import type { DeliveryQueue } from '../../src/webhooks/queue.ts';
import { createWebhookStore } from '../../src/webhooks/store.ts';
import { temporaryFolder } from '../support/service.ts';
import { until } from '../support/until.ts';

const folder = await temporaryFolder();
const server = await startEmbeddedRedis(folder);
const redis = connectForWork(server.address);
const logger = pino({ level: 'silent' });
t.teardown(async () => {
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A project with a receiver, and workers that drain its outbox. */
async function startProject(prefix: string) {
  const keys = redisKeys(prefix);
  const store = createWebhookStore({ redis, keys, sealer: createSealer(Buffer.alloc(32)) });
  const deliveries = createDeliveries({ redis, keys });
  await redis.hset(keys.project('p'), 'state', 'active');
  const id = `wh-${'0'.repeat(20)}`;
  const receiver = { id, project: 'p', url: 'https://example.com', events: [], description: '', disabled: false };
  await store.add({ ...receiver, disabledReason: null, createdAt: new Date().toISOString() }, []);
  return {
    keys,
    tell: async (change: string) => await redis.xadd(keys.outbox, '*', 'p', 'p', 'j', change, 's', '{}'),
    logged: async () => (await deliveries.page('p', id, 500, null)).items.map((one) => one.id),
    work(consumer: string, enqueueAll: DeliveryQueue['enqueueAll']) {
      const stopping = new AbortController();
      const blocking = new Redis(server.socket);
      const queues = createEventQueues({ redis, keys, group: outboxGroup });
      const fanOut = createFanOut({ queues, store, deliveries, enqueueAll, logger });
      const over = drainOutbox({ redis: blocking, keys, consumer, queues, fanOut, logger }, stopping.signal);
      return async () => {
        stopping.abort();
        blocking.disconnect();
        await over;
      };
    },
    waiting: async () => (await redis.xlen(keys.outbox)) + (await redis.zcard(keys.eventQueue('p'))),
  };
}

const change = JSON.stringify({ type: 'updated', reason: 'Test', message: '' });

t.test('an event stays until its deliveries are queued, and makes the same ones again', async (t) => {
  const project = await startProject('again');
  await project.tell(change);
  const queued: string[] = [];
  let tries = 0;
  const stop = project.work('one', async (some) => {
    tries += 1;
    if (tries === 1) throw new Error('cut off');
    queued.push(...some.map(({ webhookId }) => webhookId));
  });
  await until(async () => (await project.waiting()) === 0);
  await stop();
  t.equal(tries, 2);
  t.equal(queued.length, 1);
  t.equal((await project.logged()).length, 1);
});

t.test('several workers share the events', async (t) => {
  const project = await startProject('shared');
  const queued: string[] = [];
  const enqueueAll: DeliveryQueue['enqueueAll'] = async (some) =>
    void queued.push(...some.map(({ webhookId }) => webhookId));
  const stops = ['one', 'two', 'three'].map((consumer) => project.work(consumer, enqueueAll));
  const ids = await Promise.all(Array.from({ length: 300 }, () => project.tell(change)));
  await until(async () => (await project.waiting()) === 0);
  for (const stop of stops) await stop();
  t.ok(queued.length > 0, 'the receiver has jobs');
  t.equal((await project.logged()).length, ids.length, 'each event makes one delivery');
});

t.test('one that cannot be read does not hold up the others', async (t) => {
  const project = await startProject('broken');
  await project.tell('{');
  await project.tell(change);
  const queued: string[] = [];
  const stop = project.work('one', async (some) => void queued.push(...some.map(({ webhookId }) => webhookId)));
  await until(async () => queued.length === 1 && (await project.waiting()) === 0);
  await stop();
  t.equal(await redis.xlen(project.keys.eventsFailed), 1, 'and is kept where somebody can look at it');
});
