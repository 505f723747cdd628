import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { claimDelivery, writeDelivery } from '../redis/calls/webhooks.ts';
import { storeTimeMs } from '../redis/clock.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type IndexPosition, readIndex } from '../resources/paging.ts';
import { type ReceiverId, refused, type StoredDelivery, toPublic } from './delivery.ts';

const keepDoneSeconds = 7 * 24 * 3600;
/** Of a receiver. */
const keepDone = 1000;
const mostPending = 10_000;
/** Twice as long as an attempt takes at most: then its worker is dead, and another may try. */
const claimMs = 30_000;
/** A receiver whose delivery should have been tried so long ago has lost its job. */
const overdueAfterMs = 5 * 60_000;
const mostOverdue = 5000;
const removeAtOnce = 500;

interface Context {
  readonly redis: Redis;
  readonly keys: RedisKeys;
}

interface Claimed {
  readonly delivery: StoredDelivery;
  /** How many others of the receiver are due. */
  readonly waiting: number;
  /** The receiver has a slot for one of them. */
  readonly hasMore: boolean;
}

export type Deliveries = ReturnType<typeof createDeliveries>;

/**
 * The log of deliveries, which is also the queue of each receiver. Those that are done go after a week, or when more of their
 * receiver are; those that are pending stay. All times are by the clock of Redis: those of hosts may differ.
 */
export function createDeliveries(context: Context) {
  const { redis, keys } = context;
  return {
    nowMs: () => storeTimeMs(redis),
    /** Throws `not_found`. */
    async get(project: string, webhookId: string, id: string): Promise<StoredDelivery> {
      const found = await find(context, project, id);
      if (found?.webhookId === webhookId) return found;
      throw new AppError('not_found', `There is no delivery ${id}.`);
    },
    async page(project: string, webhookId: string, limit: number, after: IndexPosition | null) {
      const index = keys.deliveries(project, webhookId);
      const { members, next } = await readIndex(redis, index, limit, after);
      const found = await Promise.all(members.map((id) => find(context, project, id)));
      // What has expired leaves the index only here.
      const expired = members.filter((_id, i) => found[i] === null);
      if (expired.length > 0) await redis.zrem(index, ...expired);
      return { items: found.filter((delivery) => delivery !== null).map(toPublic), next };
    },
    /**
     * Unless it is there already. Returns how many of its receiver wait to be tried, with this one; 0 when it is not to be
     * tried, as the receiver is gone, or has so many pending that this one failed at once.
     */
    async add(delivery: StoredDelivery): Promise<number> {
      const waiting = await write(context, delivery, 'new', mostPending);
      // There already, and perhaps its worker died before it was queued.
      if (waiting === -1) return 1;
      if (waiting === -2) await write(context, refused(delivery, mostPending), 'new');
      return Math.max(0, waiting);
    },
    /**
     * Returns how many of its receiver wait to be tried. Null when nothing was written, as the receiver is gone, or the
     * delivery is not `before` any more: another worker or request has changed it.
     */
    async write(delivery: StoredDelivery, before: StoredDelivery): Promise<number | null> {
      const waiting = await write(context, delivery, JSON.stringify(before));
      return waiting < 0 ? null : waiting;
    },
    claim: (receiver: ReceiverId) => claim(context, receiver),
    /** Receivers with deliveries that nobody seems to try. */
    async overdue(): Promise<ReceiverId[]> {
      const until = String((await storeTimeMs(redis)) - overdueAfterMs);
      const members = await redis.zrange(
        keys.receiversDue,
        '-inf',
        until,
        'BYSCORE',
        'LIMIT',
        '0',
        String(mostOverdue),
      );
      return members.map(receiverOf);
    },
  };
}

async function find({ redis, keys }: Context, project: string, id: string): Promise<StoredDelivery | null> {
  const text = await redis.get(keys.delivery(project, id));
  return text ? (JSON.parse(text) as StoredDelivery) : null;
}

/** Returns what writeDelivery does. */
async function write(
  { redis, keys }: Context,
  delivery: StoredDelivery,
  before: string,
  maxPending: number | null = null,
): Promise<number> {
  const { project, id, createdAt, nextAttemptAt } = delivery;
  return await writeDelivery(redis, {
    keys: { ...keysOf(keys, delivery), delivery: keys.delivery(project, id) },
    id,
    receiver: dueMember(delivery),
    delivery: JSON.stringify(delivery),
    createdAtMs: Date.parse(createdAt),
    dueAtMs: nextAttemptAt ? Date.parse(nextAttemptAt) : null,
    before,
    maxPending,
    keepDoneSeconds,
    maxDone: keepDone,
    deliveryPrefix: keys.delivery(project, ''),
  });
}

/** Null when none is due, or when the receiver has no free slot. */
async function claim({ redis, keys }: Context, receiver: ReceiverId): Promise<Claimed | null> {
  const claimed = await claimDelivery(redis, {
    keys: keysOf(keys, receiver),
    receiver: dueMember(receiver),
    claimMs,
    deliveryPrefix: keys.delivery(receiver.project, ''),
  });
  if (claimed === null) return null;
  const [text, waiting, hasMore] = claimed;
  return { delivery: JSON.parse(text) as StoredDelivery, waiting, hasMore: hasMore === 1 };
}

function keysOf(keys: RedisKeys, { project, webhookId }: ReceiverId) {
  return {
    webhook: keys.webhook(project, webhookId),
    deliveries: keys.deliveries(project, webhookId),
    ready: keys.deliveriesReady(project, webhookId),
    later: keys.deliveriesLater(project, webhookId),
    underWay: keys.deliveriesUnderWay(project, webhookId),
    receiversDue: keys.receiversDue,
    done: keys.deliveriesDone(project, webhookId),
  };
}

/**
 * To be called before a webhook is removed: should what follows be cut off, the search for overdue receivers finds this one,
 * and a claim removes what is left.
 */
export async function noteRemoval({ redis, keys }: Context, project: string, webhookId: string): Promise<void> {
  await redis.zadd(keys.receiversDue, 'NX', 0, dueMember({ project, webhookId }));
}

/** Removes all that is kept of the deliveries of a webhook that was removed. */
export async function removeDeliveries({ redis, keys }: Context, project: string, webhookId: string): Promise<void> {
  for (;;) {
    const popped = await redis.zpopmin(keys.deliveries(project, webhookId), removeAtOnce);
    // Each id is followed by its score.
    const ids = popped.filter((_one, i) => i % 2 === 0);
    if (ids.length === 0) break;
    await redis.unlink(ids.map((id) => keys.delivery(project, id)));
  }
  for (const index of [keys.deliveriesReady, keys.deliveriesLater, keys.deliveriesUnderWay, keys.deliveriesDone]) {
    await redis.unlink(index(project, webhookId));
  }
  await redis.zrem(keys.receiversDue, dueMember({ project, webhookId }));
}

/** Of `receiversDue`. */
function dueMember({ project, webhookId }: ReceiverId): string {
  return `${project} ${webhookId}`;
}

function receiverOf(member: string): ReceiverId {
  const [project = '', webhookId = ''] = member.split(' ');
  return { project, webhookId };
}
