import type { Attempt, Delivery, WebhookEvent } from '../schemas/webhook.ts';

const keepAttempts = 20;

/** How many deliveries a receiver may have under way: few while it takes them, one when the last attempt failed or was slow. */
export const slots = { healthy: 4, failing: 1 };

/** Which webhook of which project. */
export interface ReceiverId {
  readonly project: string;
  readonly webhookId: string;
}

/** A delivery with the body that is sent, the same at each attempt. */
export interface StoredDelivery extends Delivery {
  readonly project: string;
  readonly body: string;
  /** How many attempts came before this series of them: a replay begins another. */
  readonly triesBefore: number;
}

export function toPublic({
  project: _project,
  body: _body,
  triesBefore: _tries,
  ...delivery
}: StoredDelivery): Delivery {
  return delivery;
}

export function newDelivery(input: {
  project: string;
  webhookId: string;
  event: WebhookEvent;
  /** Names the event: its id in the outbox. */
  eventId: string;
  at: Date;
  body: string;
}): StoredDelivery {
  const { project, webhookId, event, eventId, at, body } = input;
  return {
    // Made from both, so that the same event is never delivered twice to a receiver.
    id: `dl-${eventId}-${webhookId.slice(3)}`,
    webhookId,
    event,
    messageId: `evt_${eventId}`,
    state: 'pending',
    attempts: [],
    attemptCount: 0,
    nextAttemptAt: at.toISOString(),
    createdAt: at.toISOString(),
    project,
    body,
    triesBefore: 0,
  };
}

export function withAttempt(
  delivery: StoredDelivery,
  attempt: Attempt,
  then: Pick<Delivery, 'state' | 'nextAttemptAt'>,
): StoredDelivery {
  const attempts = [...delivery.attempts, attempt].slice(-keepAttempts);
  return { ...delivery, ...then, attempts, attemptCount: delivery.attemptCount + 1 };
}

/** One that is not tried, because `most` others are waiting. */
export function refused(delivery: StoredDelivery, most: number): StoredDelivery {
  const error = `not tried: ${most} others were waiting for this receiver, which is the limit; replay it once they are through`;
  const attempt = { at: delivery.createdAt, status: null, error, durationMs: 0 };
  return withAttempt(delivery, attempt, { state: 'failed', nextAttemptAt: null });
}
