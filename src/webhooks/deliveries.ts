import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { type IndexPosition, readIndex } from '../paging.ts';
import type { RedisKeys } from '../redis-keys.ts';
import type { Attempt, Delivery, WebhookEvent } from '../schemas/webhook.ts';

const keepDoneSeconds = 7 * 24 * 3600;
const keepAttempts = 20;
/** A delivery that should have been tried so long ago has lost its job. */
const overdueAfterMs = 5 * 60_000;
const recoverAtOnce = 500;

/** A delivery with the body that is sent, the same at each attempt. */
export interface StoredDelivery extends Delivery {
  readonly project: string;
  readonly body: string;
}

export type Deliveries = ReturnType<typeof createDeliveries>;

/** The log of deliveries. Those that are done go after a week; those that are under way stay. */
export function createDeliveries({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  async function write(delivery: StoredDelivery): Promise<void> {
    const key = keys.delivery(delivery.project, delivery.id);
    const index = keys.deliveries(delivery.project, delivery.webhookId);
    const changes = redis.multi().set(key, JSON.stringify(delivery));
    if (delivery.state !== 'pending') changes.expire(key, keepDoneSeconds);
    changes.zadd(index, Date.parse(delivery.createdAt), delivery.id);
    const due = `${delivery.project} ${delivery.id}`;
    if (delivery.nextAttemptAt) changes.zadd(keys.deliveriesDue, Date.parse(delivery.nextAttemptAt), due);
    else changes.zrem(keys.deliveriesDue, due);
    for (const [error] of (await changes.exec()) ?? []) if (error) throw error;
  }

  async function find(project: string, id: string): Promise<StoredDelivery | null> {
    const text = await redis.get(keys.delivery(project, id));
    return text ? (JSON.parse(text) as StoredDelivery) : null;
  }

  return {
    find,
    write,
    /** Throws `not_found`. */
    async get(project: string, webhookId: string, id: string): Promise<StoredDelivery> {
      const found = await find(project, id);
      if (found?.webhookId === webhookId) return found;
      throw new AppError('not_found', `There is no delivery ${id}.`);
    },
    /** True when it was not there yet. */
    async add(delivery: StoredDelivery): Promise<boolean> {
      if ((await find(delivery.project, delivery.id)) !== null) return false;
      await write(delivery);
      return true;
    },
    /** Pending ones that nobody seems to try. */
    async overdue(): Promise<{ project: string; id: string }[]> {
      const until = Date.now() - overdueAfterMs;
      const due = await redis.zrange(
        keys.deliveriesDue,
        '-inf',
        String(until),
        'BYSCORE',
        'LIMIT',
        '0',
        String(recoverAtOnce),
      );
      const found: { project: string; id: string }[] = [];
      for (const text of due) {
        const [project = '', id = ''] = text.split(' ');
        if ((await find(project, id))?.state === 'pending') found.push({ project, id });
        else await redis.zrem(keys.deliveriesDue, text);
      }
      return found;
    },
    async page(project: string, webhookId: string, limit: number, after: IndexPosition | null) {
      const index = keys.deliveries(project, webhookId);
      const { members, next } = await readIndex(redis, index, limit, after);
      const found = await Promise.all(members.map((id) => find(project, id)));
      // What has expired leaves the index when it is next looked at.
      const gone = members.filter((_id, i) => found[i] === null);
      if (gone.length > 0) await redis.zrem(index, ...gone);
      return { items: found.filter((delivery) => delivery !== null).map(toPublic), next };
    },
  };
}

export function newDelivery(input: {
  project: string;
  webhookId: string;
  event: WebhookEvent;
  /** Names the event: a place in the outbox. */
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

export function toPublic({ project: _project, body: _body, ...delivery }: StoredDelivery): Delivery {
  return delivery;
}
