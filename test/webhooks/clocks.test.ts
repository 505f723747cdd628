import { Queue } from 'bullmq';
import t from 'tap';
import type { Delivery, WebhookWithSecret } from '../../src/schemas/webhook.ts';
import { startFakeService } from '../support/fake-service.ts';
import { shiftClock } from '../support/shift-clock.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver, take } from '../support/webhook-receiver.ts';

t.setTimeout(240_000);

t.teardown(() => shiftClock(0));

/** A service with one receiver, which refuses what it gets, and the deliveries to it. */
async function startRefused(t: { teardown(end: () => void): void }, project: string, retrySeconds: string) {
  const service = await startFakeService({
    SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
    SANDPLANE_WEBHOOK_RETRY_SECONDS: retrySeconds,
  });
  t.teardown(() => service.close());
  const client = await service.project(project);
  const receiver = await startWebhookReceiver(t, (response) => void response.writeHead(500).end());
  const { body } = await client.call<WebhookWithSecret>('POST', '/v1/webhooks', {
    url: receiver.url,
    events: ['sandbox.ready'],
  });
  const path = `/v1/webhooks/${body.id}`;
  const delivery = async () => (await client.call<{ items: Delivery[] }>('GET', `${path}/deliveries`)).body.items[0];
  return { service, client, receiver, path, delivery };
}

for (const [what, byMs] of [
  ['behind', -3_600_000],
  ['ahead', 3_600_000],
] as const) {
  t.test(`events are sent by a host whose clock is ${what}`, async (t) => {
    shiftClock(byMs);
    const { client, receiver, path, delivery } = await startRefused(t, 'skewed', '0.05,0.1');
    await client.create();
    await until(async () => (await delivery())?.state === 'failed');
    t.equal(receiver.received.length, 3, 'each try was made once');
    receiver.state.respond = take;
    await client.call('PATCH', path, { disabled: false });
    const failed = await delivery();
    // The API is on a host with another clock than the one that tries.
    shiftClock(0);
    await client.call('POST', `${path}/deliveries/${failed?.id}/replay`);
    shiftClock(byMs);
    await until(async () => (await delivery())?.state === 'delivered');
    t.equal(receiver.received.length, 4, 'and the replay once');
  });
}

t.test('a job that comes too early is not the last', async (t) => {
  shiftClock(0);
  const { service, client, receiver, delivery } = await startRefused(t, 'early', '2');
  await client.create();
  await until(async () => (await delivery())?.attemptCount === 1);
  const tried = await delivery();
  receiver.state.respond = take;
  // As a worker has it whose clock is ahead: it takes the job before its time.
  const queue = new Queue('deliver', { connection: service.redis, prefix: '{sandplane}' });
  await until(async () => (await queue.getDelayedCount()) === 1);
  const [job] = await queue.getDelayed();
  await job?.promote();
  await until(async () => (await delivery())?.state === 'delivered');
  const [, second] = (await delivery())?.attempts ?? [];
  t.ok(Date.parse(second?.at ?? '') >= Date.parse(tried?.nextAttemptAt ?? ''), 'the try is made when it is time');
});
