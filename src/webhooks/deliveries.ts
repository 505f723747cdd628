import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { parkDelivery, unparkDelivery, writeDelivery } from '../redis/calls/webhooks.ts';
import { storeTimeMs } from '../redis/clock.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type IndexPosition, readIndex } from '../resources/paging.ts';
import type { Delivery } from '../schemas/webhook.ts';
import { refused, type StoredDelivery } from './delivery.ts';

const keepDoneSeconds = 7 * 24 * 3600;
/** Of a receiver. */
const keepDone = 1000;
const mostPending = 10_000;
/** A delivery that should have been tried so long ago has lost its job. */
const overdueAfterMs = 5 * 60_000;
const readAtOnce = 500;
const mostOverdue = 5000;

export type Deliveries = ReturnType<typeof createDeliveries>;

/**
 * The log of deliveries. Those that are done go after a week, or when more of their receiver are; those that are under way
 * stay. All times are by the clock of the store: those of hosts may differ.
 */
export function createDeliveries({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  /**
   * False when its receiver is gone, then nothing of it is kept, or when it is not `before` any more: somebody else is at
   * it.
   */
  async function write(delivery: StoredDelivery, before: StoredDelivery): Promise<boolean> {
    return (await put(delivery, JSON.stringify(before))) > 0;
  }

  async function put(delivery: StoredDelivery, before: string, maxPending: number | null = null): Promise<number> {
    const { project, webhookId, id, nextAttemptAt } = delivery;
    return await writeDelivery(redis, {
      keys: {
        webhook: keys.webhook(project, webhookId),
        delivery: keys.delivery(project, id),
        deliveries: keys.deliveries(project, webhookId),
        due: keys.deliveriesDue,
        pending: keys.deliveriesPending(project, webhookId),
        done: keys.deliveriesDone(project, webhookId),
      },
      id,
      dueMember: dueMember(delivery),
      delivery: JSON.stringify(delivery),
      createdAtMs: Date.parse(delivery.createdAt),
      dueAtMs: nextAttemptAt ? Date.parse(nextAttemptAt) : null,
      before,
      maxPending,
      keepDoneSeconds,
      maxDone: keepDone,
      deliveryPrefix: keys.delivery(project, ''),
    });
  }

  const nowMs = () => storeTimeMs(redis);

  async function forget({ project, id, webhookId }: StoredDelivery): Promise<void> {
    await redis.del(keys.delivery(project, id));
    for (const index of [keys.deliveries, keys.deliveriesPending, keys.deliveriesDone]) {
      await redis.zrem(index(project, webhookId), id);
    }
    await redis.zrem(keys.deliveriesDue, dueMember({ project, id }));
  }

  async function find(project: string, id: string): Promise<StoredDelivery | null> {
    const text = await redis.get(keys.delivery(project, id));
    return text ? (JSON.parse(text) as StoredDelivery) : null;
  }

  return {
    nowMs,
    find,
    write,
    /** Throws `not_found`. */
    async get(project: string, webhookId: string, id: string): Promise<StoredDelivery> {
      const found = await find(project, id);
      if (found?.webhookId === webhookId) return found;
      throw new AppError('not_found', `There is no delivery ${id}.`);
    },
    forget,
    /**
     * Unless it is there already. How many its receiver has waiting; 0 when it is not to be tried: the receiver is gone, or
     * it has so many waiting that this one failed at once.
     */
    async add(delivery: StoredDelivery): Promise<number> {
      const waiting = await put(delivery, 'new', mostPending);
      // There already, and perhaps cut off before it was queued.
      if (waiting === -1) return 1;
      if (waiting === -2) await put(refused(delivery, mostPending), 'new');
      return Math.max(0, waiting);
    },
    /** One that has to wait for another of its receiver to end. */
    async park({ project, webhookId, id, createdAt }: StoredDelivery): Promise<void> {
      await parkDelivery(redis, {
        keys: {
          parked: keys.deliveriesParked(project, webhookId),
          receivers: keys.receiversParked(project),
          due: keys.deliveriesDue,
        },
        id,
        createdAtMs: Date.parse(createdAt),
        receiver: webhookId,
        dueMember: dueMember({ project, id }),
        forMs: overdueAfterMs,
      });
    },
    /** The receivers for which some wait; whose turn was longest ago comes first. */
    async receiversWithParked(project: string): Promise<string[]> {
      return await redis.zrange(keys.receiversParked(project), '0', '-1');
    },
    /** The oldest that waits for a receiver, which then waits no more. */
    async unpark(project: string, webhookId: string): Promise<string | null> {
      return await unparkDelivery(redis, {
        keys: { parked: keys.deliveriesParked(project, webhookId), receivers: keys.receiversParked(project) },
        receiver: webhookId,
      });
    },
    /** Pending ones that nobody seems to try. */
    async overdue(): Promise<StoredDelivery[]> {
      const until = String((await nowMs()) - overdueAfterMs);
      const found: StoredDelivery[] = [];
      for (let from = 0; from < mostOverdue; from += readAtOnce) {
        const window = ['LIMIT', String(from), String(readAtOnce)] as const;
        const due = await redis.zrange(keys.deliveriesDue, '-inf', until, 'BYSCORE', ...window);
        for (const text of due) {
          const [project = '', id = ''] = text.split(' ');
          const delivery = await find(project, id);
          if (delivery?.state === 'pending') found.push(delivery);
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

function dueMember({ project, id }: Pick<StoredDelivery, 'project' | 'id'>): string {
  return `${project} ${id}`;
}

export function toPublic({
  project: _project,
  body: _body,
  triesBefore: _tries,
  claimed: _claimed,
  ...delivery
}: StoredDelivery): Delivery {
  return delivery;
}
