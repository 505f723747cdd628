import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisKeys } from '../redis/keys.ts';
import { fieldsOf } from '../redis/streams.ts';
import type { Entry } from './event.ts';
import type { EventQueues, ProjectEvents } from './event-queues.ts';

export const outboxGroup = 'deliver';
const readAtOnce = 500;
/** Before the events read are handled. */
const mostReads = 20;
const blockMs = 2000;
/** What another worker has read and not queued after this long is taken over. */
const takeOverAfterMs = 30_000;
const pauseMs = 1000;

interface OutboxOptions {
  /** A connection of its own: reading blocks it. */
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly consumer: string;
  readonly queues: EventQueues;
  readonly fanOut: (events: ProjectEvents) => Promise<void>;
  readonly logger: Logger;
}

/**
 * Makes deliveries of events. Events are put into the outbox by the very write that they tell of; from there they go into
 * the queue of their project, which they leave when all their deliveries are stored: none is lost, and one that is handled
 * twice makes the same deliveries.
 */
export async function drainOutbox(options: OutboxOptions, signal: AbortSignal): Promise<void> {
  const { redis, keys, consumer, queues, fanOut, logger } = options;
  // First what this consumer had read when its process ended.
  let from = '0';
  let isIdle = false;

  /** Reads all that is there before anything is handled: so an event behind a flood is found at once. */
  async function queueAll(): Promise<void> {
    for (let reads = 0; reads < mostReads; reads += 1) {
      // The read waits for new events only when none are left to handle.
      const read = await readNew(redis, keys.outbox, consumer, from, isIdle && reads === 0 ? blockMs : null);
      await queues.add(read);
      from = '>';
      if (read.length < readAtOnce) break;
    }
  }

  async function advance(): Promise<void> {
    await ensureGroup(redis, keys.outbox);
    await queueAll();
    await queues.add(await takeOver(redis, keys, consumer));
    const taken = await queues.take();
    isIdle = taken.length === 0;
    const ended = await Promise.allSettled(taken.map(fanOut));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  while (!signal.aborted) {
    try {
      await advance();
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'outbox not drained, will try again');
      from = '0';
      // It rejects only when the wait is aborted, which the loop sees by itself.
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function ensureGroup(redis: Redis, outbox: string): Promise<void> {
  await redis.xgroup('CREATE', outbox, outboxGroup, '0', 'MKSTREAM').catch((error: Error) => {
    if (!/BUSYGROUP/.test(error.message)) throw error;
  });
}

async function readNew(
  redis: Redis,
  outbox: string,
  consumer: string,
  from: string,
  waitMs: number | null,
): Promise<Entry[]> {
  const most = ['GROUP', outboxGroup, consumer, 'COUNT', readAtOnce] as const;
  const reply: unknown = await (waitMs === null
    ? redis.xreadgroup(...most, 'STREAMS', outbox, from)
    : redis.xreadgroup(...most, 'BLOCK', waitMs, 'STREAMS', outbox, from));
  // An array of streams (RESP2), or a map by name (RESP3).
  const streams = Array.isArray(reply)
    ? (reply as [string, Row[]][]).map(([, rows]) => rows)
    : Object.values((reply ?? {}) as Record<string, Row[]>);
  return streams.flat().flatMap(toEntry);
}

async function takeOver(redis: Redis, keys: RedisKeys, consumer: string): Promise<Entry[]> {
  const reply = await redis.xautoclaim(keys.outbox, outboxGroup, consumer, takeOverAfterMs, '0', 'COUNT', readAtOnce);
  const [, rows] = reply as [string, Row[]];
  return rows.flatMap(toEntry);
}

type Row = readonly [id: string, fields: readonly string[] | null] | null;

/** Empty for an entry that was deleted meanwhile. */
function toEntry(row: Row): Entry[] {
  const [id, fields] = row ?? [];
  if (!id || !fields) return [];
  return [[id, fieldsOf(fields) as Record<string, string>]];
}
