import type { Logger } from 'pino';
import { isAppError } from '../errors.ts';
import type { Attempt, Webhook } from '../schemas/webhook.ts';
import type { AddressGuard } from './addresses.ts';
import type { Deliveries } from './deliveries.ts';
import { type StoredDelivery, withAttempt } from './delivery.ts';
import { createPlaces, type Place } from './places.ts';
import type { DeliveryQueue } from './queue.ts';
import { sendOnce } from './send.ts';
import { signedHeaders } from './sign.ts';
import type { WebhookStore } from './store.ts';

const timeoutMs = 15_000;
const underWayMs = 2 * timeoutMs;
/** Between two looks at one that is not due: the clocks of those who look may differ. */
const shortestMs = 100;

interface AttemptOptions {
  readonly store: WebhookStore;
  readonly deliveries: Deliveries;
  readonly guard: AddressGuard;
  /** How long to wait after the first, second, ... try that failed. */
  readonly pausesMs: readonly number[];
  readonly enqueue: DeliveryQueue['enqueue'];
  /** Called when the service has disabled a receiver. */
  readonly onDisabled: (webhook: Webhook) => Promise<void>;
  readonly logger: Logger;
}

/** Tries deliveries, and notes what came of it. */
export function createAttempts(options: AttemptOptions) {
  const { store, deliveries, guard, pausesMs, enqueue, onDisabled, logger } = options;
  const places = createPlaces({
    onSlow: (project) =>
      void letNextIn(project).catch((error: unknown) => logger.warn({ project, err: error }, 'next webhook not tried')),
  });

  /** A job more than there should be does no harm: the delivery itself says whether it is due, and when to come again. */
  async function attempt({ project, id }: { project: string; id: string }): Promise<void> {
    const [delivery, now] = await Promise.all([deliveries.find(project, id), deliveries.nowMs()]);
    if (delivery?.state !== 'pending') return await letNextIn(project);
    const leftMs = msUntilDue(delivery, now);
    if (leftMs > 0) return await comeAgain(delivery, leftMs);
    const webhook = await store.find(project, delivery.webhookId);
    if (!webhook) return await forget(delivery);
    if (webhook.disabled) return await giveUpUntried(delivery);
    const place = places.take(delivery);
    if (!place) return await waitForRoom(delivery);
    try {
      await tryOnce(webhook, delivery, place, now);
    } finally {
      place.leave();
      await letNextIn(project);
    }
  }

  async function forget(delivery: StoredDelivery): Promise<void> {
    await deliveries.forget(delivery);
    await letNextIn(delivery.project);
  }

  /** That needs no place; nor does the next that waits for the same receiver. */
  async function giveUpUntried(delivery: StoredDelivery): Promise<void> {
    await giveUp(delivery, failed('the receiver is disabled'));
    if (!(await letIn(delivery.project, delivery.webhookId))) await letNextIn(delivery.project);
  }

  /** Its time has not come by the clock of the store, or a try is under way, which may have been cut off. */
  async function comeAgain(delivery: StoredDelivery, leftMs: number): Promise<void> {
    await enqueue(delivery, Math.max(leftMs, shortestMs));
    await letNextIn(delivery.project);
  }

  async function waitForRoom(delivery: StoredDelivery): Promise<void> {
    await deliveries.park(delivery);
    // Those under way may have ended in between, and found nobody waiting. And if this was let in, together with others for
    // one place, then another receiver may have room.
    await letNextIn(delivery.project);
  }

  /**
   * Queues what waits for receivers of the project that have room, which take turns: one that may be quick, and one that will
   * not, for these have places of their own, and neither gets one of the other's.
   */
  async function letNextIn(project: string): Promise<void> {
    const served = new Set<string>();
    for (const webhookId of await deliveries.receiversWithParked(project)) {
      const lane = places.laneOf(webhookId);
      if (served.has(lane) || !places.hasRoom({ project, webhookId })) continue;
      if (await letIn(project, webhookId)) served.add(lane);
    }
  }

  /** Queues the oldest that waits for a receiver. False when there is none. */
  async function letIn(project: string, webhookId: string): Promise<boolean> {
    const id = await deliveries.unpark(project, webhookId);
    if (id) await enqueue({ project, id });
    return id !== null;
  }

  async function tryOnce(webhook: Webhook, delivery: StoredDelivery, place: Place, now: number): Promise<void> {
    // Not due to anybody else while this try is under way.
    const claimed = { ...delivery, claimed: true as const, nextAttemptAt: new Date(now + underWayMs).toISOString() };
    if (!(await deliveries.write(claimed, delivery))) return;
    place.begin();
    const made = await send(webhook, claimed);
    const { status } = made;
    const hasTaken = status !== null && status >= 200 && status < 300;
    const more = place.end(hasTaken);
    await note(webhook, claimed, made, hasTaken);
    for (let i = 0; i < more; i += 1) await letIn(webhook.project, webhook.id);
  }

  async function note(webhook: Webhook, delivery: StoredDelivery, made: Attempt, hasTaken: boolean): Promise<void> {
    const { status } = made;
    logger.info({ webhookId: webhook.id, deliveryId: delivery.id, status, error: made.error }, 'webhook attempt');
    if (hasTaken) {
      await deliveries.write(withAttempt(delivery, made, { state: 'delivered', nextAttemptAt: null }), delivery);
      return await store.noteSuccess(webhook.project, webhook.id);
    }
    // 410 says that the receiver wants no more (Standard Webhooks).
    const pauseMs = status === 410 ? undefined : pausesMs[delivery.attemptCount - delivery.triesBefore];
    if (pauseMs === undefined) {
      // In this order: cut off in between, the next try finds the delivery pending and ends it.
      await disableIfDead(webhook, delivery, status);
      return await giveUp(delivery, made);
    }
    const nextAttemptAt = new Date((await deliveries.nowMs()) + pauseMs).toISOString();
    const again = withAttempt(delivery, made, { state: 'pending', nextAttemptAt });
    if (await deliveries.write(again, delivery)) await enqueue(delivery, pauseMs);
  }

  /** Never throws: what goes wrong in here is a try that failed, too. */
  async function send(webhook: Webhook, delivery: StoredDelivery): Promise<Attempt> {
    const at = new Date().toISOString();
    const began = performance.now();
    const outcome = await exchange(webhook, delivery).catch((error: unknown) => {
      if (isAppError(error)) return { status: null, error: error.message };
      logger.error({ webhookId: webhook.id, deliveryId: delivery.id, err: error }, 'webhook not sent');
      return { status: null, error: 'the service could not send it; its log tells why' };
    });
    return { at, ...outcome, durationMs: Math.round(performance.now() - began) };
  }

  async function exchange({ url, project, id }: Webhook, { messageId, body }: StoredDelivery) {
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

  async function giveUp(delivery: StoredDelivery, made: Attempt): Promise<void> {
    await deliveries.write(withAttempt(delivery, made, { state: 'failed', nextAttemptAt: null }), delivery);
  }

  /** Nothing has got through for as long as this was tried: whoever runs it has to look. */
  async function disableIfDead(webhook: Webhook, delivery: StoredDelivery, status: number | null): Promise<void> {
    const reason = status === 410 ? 'it answered 410 Gone' : `nothing has been delivered since ${delivery.createdAt}`;
    const isDead = ({ lastSuccessAt }: Webhook) =>
      status === 410 || lastSuccessAt === null || lastSuccessAt <= delivery.createdAt;
    const disabled = await store.disable(webhook.project, webhook.id, reason, isDead);
    if (disabled) await onDisabled(disabled);
  }

  return attempt;
}

/** The first try of a series is due at once: its time may come from another clock. */
function msUntilDue({ nextAttemptAt, claimed, attemptCount, triesBefore }: StoredDelivery, now: number): number {
  if (nextAttemptAt === null || (!claimed && attemptCount === triesBefore)) return 0;
  return Date.parse(nextAttemptAt) - now;
}

function failed(error: string): Attempt {
  return { at: new Date().toISOString(), status: null, error, durationMs: 0 };
}
