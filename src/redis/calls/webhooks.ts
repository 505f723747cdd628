import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

interface WrittenDelivery {
  readonly keys: {
    readonly webhook: string;
    readonly delivery: string;
    readonly deliveries: string;
    readonly due: string;
    readonly pending: string;
    readonly done: string;
  };
  readonly id: string;
  readonly dueMember: string;
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
 * scripts/write-delivery.lua: how many are pending, at least 1; 0 when the webhook is gone, -1 when the delivery is
 * something else by now, -2 when too many are pending.
 */
export async function writeDelivery(redis: Redis, { keys, ...given }: WrittenDelivery): Promise<number> {
  return await redis.writeDelivery(
    ...scriptArguments(
      [keys.webhook, keys.delivery, keys.deliveries, keys.due, keys.pending, keys.done],
      [
        given.id,
        given.dueMember,
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

/** scripts/park-delivery.lua */
export async function parkDelivery(
  redis: Redis,
  given: {
    keys: { parked: string; receivers: string; due: string };
    id: string;
    createdAtMs: number;
    receiver: string;
    dueMember: string;
    forMs: number;
  },
): Promise<void> {
  const { keys, id, createdAtMs, receiver, dueMember, forMs } = given;
  await redis.parkDelivery(
    ...scriptArguments([keys.parked, keys.receivers, keys.due], [id, createdAtMs, receiver, dueMember, forMs]),
  );
}

/** scripts/unpark-delivery.lua: the id of the oldest, or null. */
export async function unparkDelivery(
  redis: Redis,
  { keys, receiver }: { keys: { parked: string; receivers: string }; receiver: string },
): Promise<string | null> {
  return await redis.unparkDelivery(...scriptArguments([keys.parked, keys.receivers], [receiver]));
}

/** scripts/note-webhook-success.lua */
export async function noteWebhookSuccess(redis: Redis, { keys }: { keys: { webhook: string } }): Promise<void> {
  await redis.noteWebhookSuccess(...scriptArguments([keys.webhook]));
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
