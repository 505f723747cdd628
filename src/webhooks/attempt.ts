import type { Logger } from 'pino';
import { isAppError } from '../errors.ts';
import type { Attempt, Webhook } from '../schemas/webhook.ts';
import type { AddressGuard } from './addresses.ts';
import type { StoredDelivery } from './delivery.ts';
import { sendOnce } from './send.ts';
import { signedHeaders } from './sign.ts';
import type { WebhookStore } from './store.ts';

const timeoutMs = 15_000;

export interface AttemptOptions {
  readonly store: Pick<WebhookStore, 'secretsOf'>;
  readonly guard: AddressGuard;
  readonly logger: Logger;
}

/** Sends a delivery once. Never throws: whatever goes wrong makes it an attempt that failed. */
export async function makeAttempt(
  options: AttemptOptions,
  webhook: Webhook,
  delivery: StoredDelivery,
): Promise<Attempt> {
  const { logger } = options;
  const ids = { webhookId: webhook.id, deliveryId: delivery.id };
  const at = new Date().toISOString();
  const began = performance.now();
  const outcome = await send(options, webhook, delivery).catch((error: unknown) => {
    if (isAppError(error)) return { status: null, error: error.message };
    logger.error({ ...ids, err: error }, 'webhook not sent');
    return { status: null, error: 'the service could not send it; its log tells why' };
  });
  logger.info({ ...ids, ...outcome }, 'webhook attempt');
  return { at, ...outcome, durationMs: Math.round(performance.now() - began) };
}

async function send(
  { store, guard }: AttemptOptions,
  { url, project, id }: Webhook,
  { messageId, body }: StoredDelivery,
): Promise<Pick<Attempt, 'status' | 'error'>> {
  const now = Date.now();
  const secrets = (await store.secretsOf(project, id)).filter(({ until }) => until === null || until > now);
  const headers = signedHeaders({
    id: messageId,
    timestampSeconds: Math.floor(now / 1000),
    body,
    secrets: secrets.map(({ secret }) => secret),
  });
  const { status } = await sendOnce({ url, headers, body, timeoutMs }, guard);
  return { status, error: status >= 300 && status < 400 ? 'a redirect, which is not followed' : null };
}
