import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

interface WrittenDelivery {
  readonly keys: {
    readonly webhook: string;
    readonly delivery: string;
    readonly deliveries: string;
    readonly ready: string;
    readonly later: string;
    readonly underWay: string;
    readonly done: string;
    readonly receiversDue: string;
  };
  readonly id: string;
  /** Of receiversDue. */
  readonly receiver: string;
  /** JSON. */
  readonly delivery: string;
  readonly createdAtMs: number;
  /** Null when it is done. */
  readonly dueAtMs: number | null;
  /** What it has to be now, as JSON, or `new`. */
  readonly before: string;
  /** Null for no bound. */
  readonly maxPending: number | null;
  readonly keepDoneSeconds: number;
  readonly maxDone: number;
  readonly deliveryPrefix: string;
}

/**
 * scripts/write-delivery.lua: how many wait to be tried now; -1 when the delivery is something else by now, -2 when too many are
 * pending, -3 when the webhook is gone.
 */
export async function writeDelivery(redis: Redis, { keys, ...given }: WrittenDelivery): Promise<number> {
  return await redis.writeDelivery(
    ...scriptArguments(
      [
        keys.webhook,
        keys.delivery,
        keys.deliveries,
        keys.ready,
        keys.later,
        keys.underWay,
        keys.done,
        keys.receiversDue,
      ],
      [
        given.id,
        given.receiver,
        given.delivery,
        given.createdAtMs,
        given.dueAtMs ?? '',
        given.before,
        given.maxPending ?? '',
        given.keepDoneSeconds,
        given.maxDone,
        given.deliveryPrefix,
      ],
    ),
  );
}

/** scripts/claim-delivery.lua: the delivery as JSON, how many others wait, and 1 if one of them can be claimed; or null. */
export async function claimDelivery(
  redis: Redis,
  given: {
    keys: {
      webhook: string;
      deliveries: string;
      ready: string;
      later: string;
      underWay: string;
      receiversDue: string;
    };
    receiver: string;
    claimMs: number;
    deliveryPrefix: string;
  },
) {
  const { keys, receiver, claimMs, deliveryPrefix } = given;
  return await redis.claimDelivery(
    ...scriptArguments(
      [keys.webhook, keys.deliveries, keys.ready, keys.later, keys.underWay, keys.receiversDue],
      [receiver, claimMs, deliveryPrefix],
    ),
  );
}

/** scripts/note-webhook-attempt.lua */
export async function noteWebhookAttempt(
  redis: Redis,
  { keys, isTaken, slots }: { keys: { webhook: string }; isTaken: boolean; slots: number },
): Promise<void> {
  await redis.noteWebhookAttempt(...scriptArguments([keys.webhook], [isTaken ? 1 : 0, slots]));
}

/** scripts/disable-webhook.lua: false when somebody else has changed it. */
export async function disableWebhook(
  redis: Redis,
  given: {
    keys: { webhook: string; outbox: string };
    expectedVersion: string;
    /** JSON, as is `data`. */
    resource: string;
    project: string;
    event: string;
    data: string;
  },
): Promise<boolean> {
  const { keys, expectedVersion, resource, project, event, data } = given;
  const disabled = await redis.disableWebhook(
    ...scriptArguments([keys.webhook, keys.outbox], [expectedVersion, resource, project, event, data]),
  );
  return disabled === 1;
}
