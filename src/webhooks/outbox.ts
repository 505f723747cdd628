import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { asStoreError } from '../redis.ts';
import type { RedisKeys } from '../redis-keys.ts';
import type { WebhookEvent } from '../schemas/webhook.ts';
import { type Deliveries, newDelivery } from './deliveries.ts';
import type { WebhookStore } from './store.ts';

const group = 'deliver';
const readAtOnce = 50;
const blockMs = 2000;
/** What another worker took and did not finish is taken over after this long. */
const takeOverAfterMs = 30_000;
const pauseMs = 1000;
const triesOfAnEntry = 5;
const keepParked = 1000;

interface OutboxOptions {
  /** A connection of its own: reading blocks it. */
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly consumer: string;
  readonly store: WebhookStore;
  readonly deliveries: Deliveries;
  readonly enqueue: (delivery: { project: string; id: string }) => Promise<void>;
  readonly logger: Logger;
}

/**
 * Makes deliveries of events. Events are put into the outbox by the very write that they tell of, and leave it when all
 * their deliveries are stored: none is lost, and one that is handled twice makes the same deliveries.
 */
export async function drainOutbox(options: OutboxOptions, signal: AbortSignal): Promise<void> {
  const { redis, keys, consumer, logger } = options;
  const failures = new Map<string, number>();

  /** One that fails again and again is put aside, so that it does not hold up the others. */
  async function handleOrPark(entry: Entry): Promise<void> {
    const [id] = entry;
    try {
      await handle(entry, options);
      failures.delete(id);
    } catch (error) {
      const count = (failures.get(id) ?? 0) + 1;
      failures.set(id, count);
      if (count < triesOfAnEntry || asStoreError(error) !== error) throw error;
      logger.error({ eventId: id, err: error }, 'event put aside');
      await park(redis, keys, entry);
      failures.delete(id);
    }
  }

  // First what this consumer had begun before it was cut off.
  let from = '0';
  while (!signal.aborted) {
    try {
      await ensureGroup(redis, keys.outbox);
      const entries = [...(await read(redis, keys.outbox, consumer, from)), ...(await takeOver(redis, keys, consumer))];
      for (const entry of entries) await handleOrPark(entry);
      from = '>';
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'outbox not drained, will try again');
      from = '0';
      // The rejection only says that it is over.
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function ensureGroup(redis: Redis, outbox: string): Promise<void> {
  await redis.xgroup('CREATE', outbox, group, '0', 'MKSTREAM').catch((error: Error) => {
    if (!/BUSYGROUP/.test(error.message)) throw error;
  });
}

async function park(redis: Redis, keys: RedisKeys, [id, fields]: Entry): Promise<void> {
  const done = redis.multi().xadd(keys.outboxParked, 'MAXLEN', '~', keepParked, '*', ...Object.entries(fields).flat());
  await execute(done.xack(keys.outbox, group, id).xdel(keys.outbox, id));
}

async function execute(commands: ReturnType<Redis['multi']>): Promise<void> {
  for (const [error] of (await commands.exec()) ?? []) if (error) throw error;
}

type Entry = readonly [id: string, fields: Record<string, string>];

async function read(redis: Redis, outbox: string, consumer: string, from: string): Promise<Entry[]> {
  const reply = (await redis.xreadgroup(
    'GROUP',
    group,
    consumer,
    'COUNT',
    readAtOnce,
    'BLOCK',
    blockMs,
    'STREAMS',
    outbox,
    from,
  )) as unknown;
  // An array of streams (RESP2), or a map by name (RESP3).
  const streams = Array.isArray(reply)
    ? (reply as [string, [string, string[]][]][]).map(([, rows]) => rows)
    : Object.values((reply ?? {}) as Record<string, [string, string[]][]>);
  return streams.flat().map(toEntry);
}

async function takeOver(redis: Redis, keys: RedisKeys, consumer: string): Promise<Entry[]> {
  const reply = await redis.xautoclaim(keys.outbox, group, consumer, takeOverAfterMs, '0', 'COUNT', readAtOnce);
  const [, rows] = reply as [string, [string, string[]][]];
  return rows.filter((row) => row?.[1]).map(toEntry);
}

function toEntry([id, fields]: [string, string[]]): Entry {
  return [id, Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? '']] : [])))];
}

async function handle([eventId, fields]: Entry, options: OutboxOptions): Promise<void> {
  const { redis, keys, store, deliveries, enqueue } = options;
  const { p: project = '' } = fields;
  const at = new Date(Number(eventId.split('-')[0]));
  const { event, data } = contentOf(fields);
  const body = JSON.stringify({ type: event, timestamp: at.toISOString(), data });
  for (const { id, events, disabled } of await store.all(project)) {
    if (disabled || (events.length > 0 && !events.includes(event))) continue;
    const delivery = newDelivery({ project, webhookId: id, event, eventId, at, body });
    await deliveries.add(delivery);
    await enqueue(delivery);
  }
  await execute(redis.multi().xack(keys.outbox, group, eventId).xdel(keys.outbox, eventId));
}

/** A change of a sandbox as its record's script noted it, or an event of the service's own. */
function contentOf(fields: Record<string, string>): { event: WebhookEvent; data: object } {
  if (fields.e) return { event: fields.e as WebhookEvent, data: JSON.parse(fields.d ?? '{}') as object };
  const { type, reason, message } = JSON.parse(fields.j ?? '{}') as { type: string; reason: string; message: string };
  return { event: `sandbox.${type}` as WebhookEvent, data: { reason, message, sandbox: JSON.parse(fields.s ?? '{}') } };
}
