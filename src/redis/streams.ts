import type { Redis } from 'ioredis';

/** The position before the first event of a Redis stream. */
export const beginning = '0-0';

export interface EventStreamInfo {
  readonly firstId: string;
  readonly lastId: string;
  /** Whether it once had events that it has no more. */
  readonly trimmed: boolean;
}

/** The id of the newest event; what comes after it is missed by nobody who begins there. */
export async function lastEventId(redis: Redis, key: string): Promise<string> {
  return (await eventStreamInfo(redis, key))?.lastId ?? beginning;
}

/** Null when there is no such stream. */
export async function eventStreamInfo(redis: Redis, key: string): Promise<EventStreamInfo | null> {
  const reply = (await redis.xinfo('STREAM', key).catch((error: Error) => {
    if (/no such key/i.test(error.message)) return null;
    throw error;
  })) as unknown;
  if (reply === null) return null;
  const info = fieldsOf(reply);
  const [firstId = beginning] = (info['first-entry'] as [string] | null) ?? [];
  return {
    firstId,
    lastId: String(info['last-generated-id']),
    trimmed: Number(info['entries-added']) > Number(info.length),
  };
}

/** Names and values in turn (RESP2), or a map already (RESP3). */
export function fieldsOf(reply: unknown): Record<string, unknown> {
  if (!Array.isArray(reply))
    return reply instanceof Map ? Object.fromEntries(reply) : (reply as Record<string, unknown>);
  return Object.fromEntries(reply.flatMap((name, i) => (i % 2 === 0 ? [[String(name), reply[i + 1]]] : [])));
}
