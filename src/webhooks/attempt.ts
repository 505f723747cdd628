import type { Logger } from 'pino';
import { isAppError } from '../errors.ts';
import type { Attempt, Webhook } from '../schemas/webhook.ts';
import type { AddressGuard } from './addresses.ts';
import { type Deliveries, type StoredDelivery, withAttempt } from './deliveries.ts';
import type { Outcome } from './queue.ts';
import { sendOnce } from './send.ts';
import { signedHeaders } from './sign.ts';
import type { WebhookStore } from './store.ts';

/** One receiver that hangs must not hold up the others. */
const triesAtOncePerReceiver = 4;
const timeoutMs = 15_000;

interface AttemptOptions {
  readonly store: WebhookStore;
  readonly deliveries: Deliveries;
  readonly guard: AddressGuard;
  readonly pausesMs: readonly number[];
  /** Called when the service has disabled a receiver. */
  readonly onDisabled: (webhook: Webhook) => Promise<void>;
  readonly logger: Logger;
}

/** Tries deliveries, and notes what came of it. */
export function createAttempts({ store, deliveries, guard, pausesMs, onDisabled, logger }: AttemptOptions) {
  const underWay = new Map<string, number>();

  async function attempt({ project, id }: { project: string; id: string }, triesBefore: number): Promise<Outcome> {
    const delivery = await deliveries.find(project, id);
    if (delivery?.state !== 'pending') return 'done';
    const webhook = await store.find(project, delivery.webhookId);
    if (!webhook) return 'done';
    if (webhook.disabled) return await giveUp(delivery, failed('the receiver is disabled'));
    const busy = underWay.get(webhook.id) ?? 0;
    if (busy >= triesAtOncePerReceiver) return 'busy';
    underWay.set(webhook.id, busy + 1);
    try {
      return await tryOnce(webhook, delivery, triesBefore);
    } finally {
      const left = (underWay.get(webhook.id) ?? 1) - 1;
      if (left > 0) underWay.set(webhook.id, left);
      else underWay.delete(webhook.id);
    }
  }

  async function tryOnce(webhook: Webhook, delivery: StoredDelivery, triesBefore: number): Promise<Outcome> {
    const made = await send(webhook, delivery);
    const { status } = made;
    logger.info({ webhookId: webhook.id, deliveryId: delivery.id, status, error: made.error }, 'webhook attempt');
    if (status !== null && status >= 200 && status < 300) {
      await deliveries.write(withAttempt(delivery, made, { state: 'delivered', nextAttemptAt: null }));
      await store.noteSuccess(webhook.project, webhook.id);
      return 'done';
    }
    // 410 says that the receiver wants no more (Standard Webhooks).
    const pauseMs = status === 410 ? undefined : pausesMs[triesBefore];
    if (pauseMs === undefined) {
      await giveUp(delivery, made);
      await disableIfDead(webhook, delivery, status);
      return 'done';
    }
    const nextAttemptAt = new Date(Date.now() + pauseMs).toISOString();
    await deliveries.write(withAttempt(delivery, made, { state: 'pending', nextAttemptAt }));
    return 'again';
  }

  async function send({ url, project, id }: Webhook, { messageId, body }: StoredDelivery): Promise<Attempt> {
    const at = new Date();
    const began = performance.now();
    const durationMs = () => Math.round(performance.now() - began);
    try {
      const now = Date.now();
      const secrets = (await store.secretsOf(project, id)).filter(({ until }) => until === null || until > now);
      const headers = signedHeaders({
        id: messageId,
        timestampSeconds: Math.floor(now / 1000),
        body,
        secrets: secrets.map(({ secret }) => secret),
      });
      const { status } = await sendOnce({ url, headers, body, timeoutMs }, guard);
      const error = status >= 300 && status < 400 ? 'a redirect, which is not followed' : null;
      return { at: at.toISOString(), status, error, durationMs: durationMs() };
    } catch (error) {
      if (!isAppError(error)) throw error;
      return { at: at.toISOString(), status: null, error: error.message, durationMs: durationMs() };
    }
  }

  async function giveUp(delivery: StoredDelivery, made: Attempt): Promise<Outcome> {
    await deliveries.write(withAttempt(delivery, made, { state: 'failed', nextAttemptAt: null }));
    return 'done';
  }

  /** Nothing has got through for as long as this was tried: whoever runs it has to look. */
  async function disableIfDead(webhook: Webhook, delivery: StoredDelivery, status: number | null): Promise<void> {
    const reason = status === 410 ? 'it answered 410 Gone' : `nothing has been delivered since ${delivery.createdAt}`;
    const disabled = await store.update(webhook.project, webhook.id, (now) => {
      const alive = status !== 410 && now.lastSuccessAt !== null && now.lastSuccessAt > delivery.createdAt;
      return alive || now.disabled ? null : { ...now, disabled: true, disabledReason: reason };
    });
    if (disabled.disabled && disabled.disabledReason === reason) await onDisabled(disabled);
  }

  return attempt;
}

function failed(error: string): Attempt {
  return { at: new Date().toISOString(), status: null, error, durationMs: 0 };
}
