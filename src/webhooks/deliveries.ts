import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { type IndexPosition, readIndex } from '../paging.ts';
import type { RedisKeys } from '../redis-keys.ts';
import type { Attempt, Delivery, WebhookEvent } from '../schemas/webhook.ts';

const keepDoneSeconds = 7 * 24 * 3600;
const keepAttempts = 20;
/** A delivery that should have been tried so long ago has lost its job. */
const overdueAfterMs = 5 * 60_000;
const readAtOnce = 500;
const mostOverdue = 5000;

/** A delivery with the body that is sent, the same at each attempt. */
export interface StoredDelivery extends Delivery {
  readonly project: string;
  readonly body: string;
  /** How many tries came before this series of them: a replay begins another. */
  readonly triesBefore: number;
}

export type Deliveries = ReturnType<typeof createDeliveries>;

/** The log of deliveries. Those that are done go after a week; those that are under way stay. */
export function createDeliveries({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  /**
   * False when its receiver is gone, then nothing of it is kept, or when it is not `before` any more: somebody else is at
   * it.
   */
  async function write(delivery: StoredDelivery, before?: StoredDelivery): Promise<boolean> {
    const { project, webhookId, id, nextAttemptAt } = delivery;
    const written = await redis.spWriteDelivery(
      keys.webhook(project, webhookId),
      keys.delivery(project, id),
      keys.deliveries(project, webhookId),
      keys.deliveriesDue,
      id,
      dueMember(delivery),
      JSON.stringify(delivery),
      String(Date.parse(delivery.createdAt)),
      nextAttemptAt ? String(Date.parse(nextAttemptAt)) : '',
      String(keepDoneSeconds),
      // What is pending may be older than what is done with, but not by more than its tries take.
      String(Date.now() - 2 * keepDoneSeconds * 1000),
      before ? JSON.stringify(before) : '',
    );
    return written === 1;
  }

  async function forget({ project, id, webhookId }: StoredDelivery): Promise<void> {
    await redis.del(keys.delivery(project, id));
    await redis.zrem(keys.deliveries(project, webhookId), id);
    await redis.zrem(keys.deliveriesDue, dueMember({ project, id }));
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
    forget,
    /** Unless it is there already. */
    async add(delivery: StoredDelivery): Promise<void> {
      if ((await find(delivery.project, delivery.id)) === null) await write(delivery);
    },
    /** One that has to wait for another of its receiver to end. */
    async park({ project, webhookId, id, createdAt }: StoredDelivery): Promise<void> {
      const now = Date.now();
      await redis.spPark(
        keys.deliveriesParked(project, webhookId),
        keys.receiversParked(project),
        keys.deliveriesDue,
        id,
        String(Date.parse(createdAt)),
        webhookId,
        String(now),
        dueMember({ project, id }),
        String(now + overdueAfterMs),
      );
    },
    /** The receivers for which some wait; whose turn was longest ago comes first. */
    async receiversWithParked(project: string): Promise<string[]> {
      return await redis.zrange(keys.receiversParked(project), '0', '-1');
    },
    /** The oldest that waits for a receiver, which then waits no more. */
    async unpark(project: string, webhookId: string): Promise<string | null> {
      const [parked, receivers] = [keys.deliveriesParked(project, webhookId), keys.receiversParked(project)];
      return await redis.spUnpark(parked, receivers, webhookId, String(Date.now()));
    },
    /** Pending ones that nobody seems to try. */
    async overdue(): Promise<{ project: string; id: string }[]> {
      const until = String(Date.now() - overdueAfterMs);
      const found: { project: string; id: string }[] = [];
      for (let from = 0; from < mostOverdue; from += readAtOnce) {
        const window = ['LIMIT', String(from), String(readAtOnce)] as const;
        const due = await redis.zrange(keys.deliveriesDue, '-inf', until, 'BYSCORE', ...window);
        for (const text of due) {
          const [project = '', id = ''] = text.split(' ');
          if ((await find(project, id))?.state === 'pending') found.push({ project, id });
          else await redis.zrem(keys.deliveriesDue, text);
        }
        if (due.length < readAtOnce) break;
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
    triesBefore: 0,
  };
}

function dueMember({ project, id }: Pick<StoredDelivery, 'project' | 'id'>): string {
  return `${project} ${id}`;
}

export function withAttempt(
  delivery: StoredDelivery,
  attempt: Attempt,
  then: Pick<Delivery, 'state' | 'nextAttemptAt'>,
): StoredDelivery {
  const attempts = [...delivery.attempts, attempt].slice(-keepAttempts);
  return { ...delivery, ...then, attempts, attemptCount: delivery.attemptCount + 1 };
}

export function toPublic({
  project: _project,
  body: _body,
  triesBefore: _tries,
  ...delivery
}: StoredDelivery): Delivery {
  return delivery;
}
