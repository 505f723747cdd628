import t from 'tap';
import type { Delivery, WebhookWithSecret } from '../../src/schemas/webhook.ts';
import { startFakeService } from '../support/fake-service.ts';
import { type Respond, startWebhookReceiver } from '../support/webhook-receiver.ts';

/** A service for a whole test file, which may send to this machine and tries again soon. */
export async function startDelivering() {
  const service = await startFakeService({
    SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
    // As long as the real ones are in hours.
    SANDPLANE_WEBHOOK_RETRY_SECONDS: '0.05,0.1,0.2,0.3',
  });
  t.teardown(() => service.close());
  return service;
}

export const startReceiver = (respond?: Respond) => startWebhookReceiver(t, respond);

type Client = Awaited<ReturnType<Awaited<ReturnType<typeof startFakeService>>['project']>>;

export const add = async (client: Client, body: object) =>
  (await client.call<WebhookWithSecret>('POST', '/v1/webhooks', body)).body;

export const deliveriesOf = async (client: Client, id: string) =>
  (await client.call<{ items: Delivery[] }>('GET', `/v1/webhooks/${id}/deliveries?limit=500`)).body.items;
