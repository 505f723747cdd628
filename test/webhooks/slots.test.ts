import { rm } from 'node:fs/promises';
import t from 'tap';
import { connectForWork } from '../../src/redis/connection.ts';
import { redisKeys } from '../../src/redis/keys.ts';
import { createSealer } from '../../src/redis/seal.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { createDeliveries } from '../../src/webhooks/deliveries.ts';
import { newDelivery, type StoredDelivery, slots, withAttempt } from '../../src/webhooks/delivery.ts';
import { createWebhookStore } from '../../src/webhooks/store.ts';
import { temporaryFolder } from '../support/service.ts';

const folder = await temporaryFolder();
const server = await startEmbeddedRedis(folder);
const redis = connectForWork(server.address);
t.teardown(async () => {
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const keys = redisKeys('slots');
const deliveries = createDeliveries({ redis, keys });
const store = createWebhookStore({ redis, keys, sealer: createSealer(Buffer.alloc(32)) });
await redis.hset(keys.project('p'), 'state', 'active');

/** A receiver with so many deliveries that wait; the first is the oldest. */
async function startReceiver(digit: number, count: number) {
  const id = `wh-${String(digit).repeat(20)}`;
  const receiver = { id, project: 'p', url: 'https://example.com', events: [], description: '', disabled: false };
  await store.add({ ...receiver, disabledReason: null, createdAt: new Date().toISOString() }, []);
  const made = Array.from({ length: count }, (_none, i) => {
    const at = new Date(Date.now() - 60_000 + i);
    return newDelivery({ project: 'p', webhookId: id, event: 'sandbox.ready', eventId: `${i}-0`, at, body: '{}' });
  });
  for (const one of made) await deliveries.add(one);
  return { project: 'p', webhookId: id, ids: made.map((one) => one.id) };
}

const failed = { at: new Date().toISOString(), status: 500, error: null, durationMs: 1 };
const retryIn = async (delivery: StoredDelivery, ms: number) => {
  const nextAttemptAt = new Date((await deliveries.nowMs()) + ms).toISOString();
  return await deliveries.write(withAttempt(delivery, failed, { state: 'pending', nextAttemptAt }), delivery);
};

t.test('a receiver has one slot until it takes something, then four', async (t) => {
  const receiver = await startReceiver(1, 6);
  const first = await deliveries.claim(receiver);
  t.match(first, { waiting: 5, hasMore: false });
  t.equal(await deliveries.claim(receiver), null);
  await store.noteAttempt('p', receiver.webhookId, { isTaken: true, slots: slots.healthy });
  for (const hasMore of [true, true, false]) t.match(await deliveries.claim(receiver), { hasMore });
  t.equal(await deliveries.claim(receiver), null);
});

t.test('the oldest that is due comes first, however many wait', async (t) => {
  const receiver = await startReceiver(2, 3);
  const first = await deliveries.claim(receiver);
  if (!first) throw new Error('nothing to claim');
  t.equal(first.delivery.id, receiver.ids[0]);
  t.equal(await retryIn(first.delivery, 50), 2);
  const second = await deliveries.claim(receiver);
  if (!second) throw new Error('nothing to claim');
  t.equal(second.delivery.id, receiver.ids[1], 'the first is not due yet');
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(await retryIn(second.delivery, 3_600_000), 2, 'by now the first is, and the third waits');
  t.equal((await deliveries.claim(receiver))?.delivery.id, receiver.ids[0]);
});
