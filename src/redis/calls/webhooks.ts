import { asIs, isOne, nothing, number, orEmpty, scriptCall, text } from '../script-call.ts';

/**
 * How many are pending, at least 1; 0 when the webhook is gone, -1 when the delivery is something else by now, -2 when
 * too many are pending.
 */
export const writeDelivery = scriptCall('writeDelivery', {
  keys: { webhook: text, delivery: text, deliveries: text, due: text, pending: text, done: text },
  arguments: {
    id: text,
    dueMember: text,
    /** JSON. */
    delivery: text,
    createdAtMs: number,
    /** Null when it is done. */
    dueAtMs: orEmpty(number),
    /** What it has to be now, as JSON, or `new`. */
    before: text,
    /** Null for no bound. */
    maxPending: orEmpty(number),
    keepDoneSeconds: number,
    maxDone: number,
    deliveryPrefix: text,
  },
  reply: asIs<number>(),
});

export const parkDelivery = scriptCall('parkDelivery', {
  keys: { parked: text, receivers: text, due: text },
  arguments: { id: text, createdAtMs: number, receiver: text, dueMember: text, forMs: number },
  reply: nothing,
});

/** The id of the oldest, or null. */
export const unparkDelivery = scriptCall('unparkDelivery', {
  keys: { parked: text, receivers: text },
  arguments: { receiver: text },
  reply: asIs<string | null>(),
});

export const noteWebhookSuccess = scriptCall('noteWebhookSuccess', {
  keys: { webhook: text },
  arguments: {},
  reply: nothing,
});

/** False when somebody else has changed it. `resource` and `data` are JSON. */
export const disableWebhook = scriptCall('disableWebhook', {
  keys: { webhook: text, outbox: text },
  arguments: { expectedVersion: text, resource: text, project: text, event: text, data: text },
  reply: isOne,
});
