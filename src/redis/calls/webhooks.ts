import { asIs, flag, isOne, nothing, number, orEmpty, scriptCall, text } from '../script-call.ts';

/**
 * How many wait to be tried now; -1 when the delivery is something else by now, -2 when too many are pending, -3 when the
 * webhook is gone.
 */
export const writeDelivery = scriptCall('writeDelivery', {
  keys: {
    webhook: text,
    delivery: text,
    deliveries: text,
    ready: text,
    later: text,
    underWay: text,
    done: text,
    receiversDue: text,
  },
  arguments: {
    id: text,
    /** Of receiversDue. */
    receiver: text,
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

/** The delivery as JSON, how many others wait, and 1 if one of them can be claimed; or null. */
export const claimDelivery = scriptCall('claimDelivery', {
  keys: {
    webhook: text,
    deliveries: text,
    ready: text,
    later: text,
    underWay: text,
    receiversDue: text,
    done: text,
  },
  arguments: { receiver: text, claimMs: number, deliveryPrefix: text },
  reply: asIs<[delivery: string, waiting: number, hasMore: number] | null>(),
});

export const noteWebhookAttempt = scriptCall('noteWebhookAttempt', {
  keys: { webhook: text },
  arguments: { isTaken: flag, slots: number },
  reply: nothing,
});

/** False when somebody else has changed it. `resource` and `data` are JSON. */
export const disableWebhook = scriptCall('disableWebhook', {
  keys: { webhook: text, outbox: text },
  arguments: { expectedVersion: text, resource: text, project: text, event: text, data: text },
  reply: isOne,
});
