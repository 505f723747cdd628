import t from 'tap';
import type { WebhookWithSecret } from '../../src/schemas/webhook.ts';
import { startFakeService } from '../support/fake-service.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

t.setTimeout(240_000);

const receivers = 20;
const changes = 600;

t.test('a flood of one project holds up no event of another', async (t) => {
  const service = await startFakeService({
    SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
    SANDPLANE_WEBHOOK_RETRY_SECONDS: '0.05,0.1,3600',
    SANDPLANE_RATE_LIMIT: '1000000',
  });
  t.teardown(() => service.close());
  const [flooding, other] = [await service.project('flooding'), await service.project('other')];
  const failing = await startWebhookReceiver(t, (response) => void response.writeHead(500).end());
  for (let i = 0; i < receivers; i += 1) {
    await flooding.call('POST', '/v1/webhooks', { url: `${failing.url}?${i}`, events: ['sandbox.updated'] });
  }
  const quick = await startWebhookReceiver(t);
  await other.call<WebhookWithSecret>('POST', '/v1/webhooks', { url: quick.url, events: ['sandbox.ready'] });
  const { body: flooded } = await flooding.create();
  const patches = Array.from({ length: changes }, (_none, i) => i);
  const patching = Array.from({ length: 16 }, async () => {
    for (let i = patches.pop(); i !== undefined; i = patches.pop()) {
      await flooding.call('PATCH', `/v1/sandboxes/${flooded.id}`, { name: `n${i}` });
    }
  });
  await Promise.all(patching);
  await other.create();
  await until(() => quick.received.length === 1);
  t.ok(
    failing.received.length < (receivers * changes) / 2,
    `of the flood, only ${failing.received.length} were sent by then`,
  );
});
