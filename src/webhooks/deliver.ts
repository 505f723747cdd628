import type { Attempt, Webhook } from '../schemas/webhook.ts';
import { type AttemptOptions, makeAttempt } from './attempt.ts';
import type { Deliveries } from './deliveries.ts';
import { type StoredDelivery, slots, withAttempt } from './delivery.ts';
import type { DeliveryJob, DeliveryQueue } from './queue.ts';
import type { WebhookStore } from './store.ts';

/** How long a job that came too early waits at least, lest it come too early again and again. */
const shortestDelayMs = 100;
/** A receiver that takes longer gets one at a time, so that a few slow projects do not use up a worker's attempts. */
const slowAfterMs = 5000;

interface DeliverOptions extends AttemptOptions {
  readonly store: WebhookStore;
  readonly deliveries: Deliveries;
  /** How long to wait after the first, second, ... attempt that failed. */
  readonly pausesMs: readonly number[];
  readonly enqueue: DeliveryQueue['enqueue'];
  /** Called when the service has disabled a receiver. */
  readonly onDisabled: (webhook: Webhook) => Promise<void>;
}

/**
 * Does a job: tries the oldest delivery of the receiver that is due, unless the receiver has no free slot. Then nothing
 * is to be done, for each attempt that ends queues a job for what waits then.
 */
export function createDeliver(options: DeliverOptions) {
  const { store, deliveries, enqueue } = options;
  return async function deliver({ project, webhookId, notBeforeMs = 0 }: DeliveryJob): Promise<void> {
    const receiver = { project, webhookId };
    const leftMs = notBeforeMs - (await deliveries.nowMs());
    if (leftMs > 0) {
      const delayMs = Math.max(leftMs, shortestDelayMs);
      return await enqueue({ ...receiver, waiting: 1, notBeforeMs, delayMs });
    }
    const claimed = await deliveries.claim(receiver);
    if (!claimed) return;
    if (claimed.hasMore) await enqueue({ ...receiver, waiting: claimed.waiting });
    const webhook = await store.find(project, webhookId);
    // Whoever removed it removes its deliveries too.
    if (!webhook) return;
    const waiting = await tryOnce(options, webhook, claimed.delivery);
    if (waiting) await enqueue({ ...receiver, waiting });
  };
}

/** Returns how many deliveries of the receiver wait to be tried. Null when another worker has tried this one meanwhile. */
async function tryOnce(options: DeliverOptions, webhook: Webhook, delivery: StoredDelivery): Promise<number | null> {
  const { store, deliveries } = options;
  if (webhook.disabled) return await giveUp(options, delivery, untried('the receiver is disabled'));
  const made = await makeAttempt(options, webhook, delivery);
  const isTaken = made.status !== null && made.status >= 200 && made.status < 300;
  const isQuick = made.durationMs <= slowAfterMs;
  await store.noteAttempt(webhook.project, webhook.id, {
    isTaken,
    slots: isTaken && isQuick ? slots.healthy : slots.failing,
  });
  if (!isTaken) return await tryAgainOrGiveUp(options, webhook, delivery, made);
  return await deliveries.write(withAttempt(delivery, made, { state: 'delivered', nextAttemptAt: null }), delivery);
}

async function tryAgainOrGiveUp(
  options: DeliverOptions,
  webhook: Webhook,
  delivery: StoredDelivery,
  made: Attempt,
): Promise<number | null> {
  const { deliveries, pausesMs, enqueue } = options;
  // 410 says that the receiver wants no more (Standard Webhooks).
  const pauseMs = made.status === 410 ? undefined : pausesMs[delivery.attemptCount - delivery.triesBefore];
  if (pauseMs === undefined) {
    // In this order: if the worker dies in between, the next attempt finds the delivery pending and ends it.
    await disableIfDead(options, webhook, delivery, made.status);
    return await giveUp(options, delivery, made);
  }
  const notBeforeMs = (await deliveries.nowMs()) + pauseMs;
  const nextAttemptAt = new Date(notBeforeMs).toISOString();
  const waiting = await deliveries.write(withAttempt(delivery, made, { state: 'pending', nextAttemptAt }), delivery);
  if (waiting === null) return null;
  const { project, webhookId } = delivery;
  await enqueue({ project, webhookId, waiting, notBeforeMs, delayMs: pauseMs });
  return waiting;
}

async function giveUp({ deliveries }: DeliverOptions, delivery: StoredDelivery, made: Attempt): Promise<number | null> {
  return await deliveries.write(withAttempt(delivery, made, { state: 'failed', nextAttemptAt: null }), delivery);
}

/** Nothing was delivered for as long as this delivery was tried: the receiver's owner has to see to it. */
async function disableIfDead(
  { store, onDisabled }: DeliverOptions,
  webhook: Webhook,
  delivery: StoredDelivery,
  status: number | null,
): Promise<void> {
  const reason = status === 410 ? 'it answered 410 Gone' : `nothing has been delivered since ${delivery.createdAt}`;
  const isDead = ({ lastSuccessAt }: Webhook) =>
    status === 410 || lastSuccessAt === null || lastSuccessAt <= delivery.createdAt;
  const disabled = await store.disable(webhook.project, webhook.id, reason, isDead);
  if (disabled) await onDisabled(disabled);
}

function untried(error: string): Attempt {
  return { at: new Date().toISOString(), status: null, error, durationMs: 0 };
}
