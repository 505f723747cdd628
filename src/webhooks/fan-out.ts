import type { Logger } from 'pino';
import { asStoreError } from '../redis/connection.ts';
import type { Deliveries } from './deliveries.ts';
import { newDelivery, type StoredDelivery, slots } from './delivery.ts';
import { contentOf, type Entry, timeMsOf } from './event.ts';
import type { EventQueues, ProjectEvents } from './event-queues.ts';
import type { DeliveryQueue } from './queue.ts';
import type { Receiver, WebhookStore } from './store.ts';

const triesOfAnEntry = 5;

interface FanOutOptions {
  readonly queues: EventQueues;
  readonly store: WebhookStore;
  readonly deliveries: Deliveries;
  readonly enqueueAll: DeliveryQueue['enqueueAll'];
  readonly logger: Logger;
}

/** Makes deliveries of the events of a project: to each receiver that wants one and that was there when it happened. */
export function createFanOut({ queues, store, deliveries, enqueueAll, logger }: FanOutOptions) {
  const failures = new Map<string, number>();

  /** An event is done once all its deliveries are stored and queued. Throws when some are not done. */
  return async function fanOut({ project, entries }: ProjectEvents): Promise<void> {
    const done: Entry[] = [];
    const errors: unknown[] = [];
    try {
      const receivers = await store.receivers(project);
      await Promise.all(
        entries.map(async (entry) => {
          const error = await failureOf(() => handle(project, entry, receivers));
          if (error === null) failures.delete(entry[0]);
          if (error === null || (await isHopeless(entry, error))) done.push(entry);
          else errors.push(error);
        }),
      );
    } finally {
      await queues.finish(project, done);
    }
    if (errors.length > 0) throw errors[0];
  };

  async function handle(project: string, entry: Entry, receivers: readonly Receiver[]): Promise<void> {
    const wanting = deliveriesOf(project, entry, receivers);
    const jobs = await Promise.all(
      wanting.map(async (delivery) => ({
        project,
        webhookId: delivery.webhookId,
        waiting: await deliveries.add(delivery),
      })),
    );
    // When more wait than a receiver can have slots, it has jobs enough: each attempt that ends queues the next.
    await enqueueAll(jobs.filter(({ waiting }) => waiting > 0 && waiting <= slots.healthy));
  }

  /** One that fails again and again leaves the queue, so that it does not hold up the others. */
  async function isHopeless(entry: Entry, error: unknown): Promise<boolean> {
    // That Redis cannot be reached is no fault of the event.
    if (asStoreError(error) !== error) return false;
    const [id] = entry;
    const count = (failures.get(id) ?? 0) + 1;
    failures.set(id, count);
    if (count < triesOfAnEntry) return false;
    logger.error({ eventId: id, err: error }, 'event could not be handled');
    await queues.keepFailed(entry);
    failures.delete(id);
    return true;
  }
}

async function failureOf(work: () => Promise<void>): Promise<unknown> {
  return await work().then(
    () => null,
    (error: unknown) => error ?? new Error('no reason given'),
  );
}

function deliveriesOf(project: string, entry: Entry, receivers: readonly Receiver[]): StoredDelivery[] {
  const { event, data } = contentOf(entry);
  const atMs = timeMsOf(entry);
  const at = new Date(atMs);
  const body = JSON.stringify({ type: event, timestamp: at.toISOString(), data });
  return receivers
    .filter(({ events, disabled }) => !disabled && (events.length === 0 || events.includes(event)))
    .filter(({ sinceMs }) => sinceMs <= atMs)
    .map(({ id }) => newDelivery({ project, webhookId: id, event, eventId: entry[0], at, body }));
}
