import { Webhook as Reference } from 'standardwebhooks';
import t from 'tap';
import type { WebhookWithSecret } from '../../src/schemas/webhook.ts';
import { loseAnswer } from '../support/idempotency-entry.ts';
import { until } from '../support/until.ts';
import type { Received } from '../support/webhook-receiver.ts';
import { add, startDelivering, startReceiver } from './delivering.ts';

t.setTimeout(120_000);
const service = await startDelivering();

t.test('two live secrets while one is changed for the other', async (t) => {
  const client = await service.project('rotating');
  const receiver = await startReceiver();
  const { id, secret: old } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
  const rotated = await client.call<WebhookWithSecret>('POST', `/v1/webhooks/${id}/rotate`);
  t.not(rotated.body.secret, old);
  await client.create();
  await until(() => receiver.received.length === 1);
  const [{ headers, body }] = receiver.received as [Received];
  for (const secret of [old, rotated.body.secret]) {
    t.ok(new Reference(secret).verify(body, headers as Record<string, string>));
  }
  await client.call('POST', `/v1/webhooks/${id}/rotate`);
  await client.create();
  await until(() => receiver.received.length === 2);
  const [, second] = receiver.received as [Received, Received];
  t.throws(() => new Reference(old).verify(second.body, second.headers as Record<string, string>), 'not three');
});

t.test(
  'a rotation that is repeated, as its answer was lost, is one: the secret before it goes on signing',
  async (t) => {
    const client = await service.project('repeating');
    const receiver = await startReceiver();
    const { id, secret: old } = await add(client, { url: receiver.url, events: ['sandbox.ready'] });
    const rotate = () =>
      client.call<WebhookWithSecret>('POST', `/v1/webhooks/${id}/rotate`, undefined, { 'idempotency-key': 'turn' });
    const { body: first } = await rotate();
    await loseAnswer(service.redis, 'turn', 'repeating');
    const { body: again } = await rotate();
    t.equal(again.secret, first.secret);
    await client.create();
    await until(() => receiver.received.length === 1);
    const [{ headers, body }] = receiver.received as [Received];
    for (const secret of [old, first.secret]) {
      t.ok(new Reference(secret).verify(body, headers as Record<string, string>));
    }
  },
);
