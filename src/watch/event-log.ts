import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { Changes } from '../redis/changes.ts';
import { eventFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { beginning, eventStreamInfo, fieldsOf } from '../sandbox/event-stream.ts';
import { matchesLabels, type Requirement } from '../sandbox/selector.ts';
import type { Sandbox } from '../schemas/sandbox.ts';

type ChangeType = 'added' | 'modified' | 'deleted';

export interface FeedEvent {
  readonly id: string;
  readonly type: ChangeType;
  readonly sandboxId: string;
  readonly sandbox: Sandbox;
  /** The labels before this change, where it changed them. */
  readonly labelsBefore: Record<string, string> | null;
  /** The event as JSON, with the type it has for one reader. */
  readonly line: (type: ChangeType) => string;
}

const keepRecent = 256;
const readAtOnce = 200;
/** Messages may be lost while Redis is away: the feed is also looked at after this long. */
const lookAgainMs = 2000;
/** As the setting of the feed's length has it. */
const leastFeedLength = 10;

/** Reads the feed of one project, a Redis stream. What is recent is read once for all watches of this process. */
export function createFeedReader(options: { redis: Redis; keys: RedisKeys; changes: Changes; project: string }) {
  const { redis, keys, changes, project } = options;
  const feed = keys.eventLog(project);
  /** Consecutive events; those after `floor` are all here. */
  let recent: FeedEvent[] = [];
  let floor: string | null = null;
  let isRefreshing = false;
  const waiting = new Set<() => void>();
  let stopListening: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let again = false;
  let isClosed = false;

  function listen(): void {
    if (stopListening || isClosed) return;
    stopListening = changes.on(project, onChange);
    timer = setInterval(onChange, lookAgainMs);
  }

  function onChange(): void {
    again = true;
    if (isRefreshing) return;
    isRefreshing = true;
    refresh()
      // Redis is away: the next look finds what was missed.
      .catch(() => undefined)
      .finally(() => {
        isRefreshing = false;
        if (again) onChange();
      });
  }

  async function refresh(): Promise<void> {
    while (again) {
      again = false;
      if (floor === null) {
        floor = await lastId();
        wakeAll();
      }
      for (;;) {
        const from = recent.at(-1)?.id ?? floor;
        const events = await read(from);
        const [first] = events;
        if (!first) break;
        // So many may be more than the feed keeps: then those in between are lost, and who has not seen them is told.
        if (events.length >= leastFeedLength && (await isExpired(from))) {
          recent = [];
          floor = first.id;
          continue;
        }
        recent.push(...events);
        const dropped = recent.splice(0, Math.max(0, recent.length - keepRecent));
        floor = dropped.at(-1)?.id ?? floor;
        wakeAll();
      }
    }
  }

  function wakeAll(): void {
    for (const wake of [...waiting]) wake();
  }

  async function read(position: string): Promise<FeedEvent[]> {
    const rows = await redis.xrange(feed, `(${position}`, '+', 'COUNT', readAtOnce);
    return rows.map(([id, fields]) => toEvent(id, fields));
  }

  async function lastId(): Promise<string> {
    return (await eventStreamInfo(redis, feed))?.lastId ?? beginning;
  }

  /** Whether events after `position` may be lost: it is older than the feed, or of another one. */
  async function isExpired(position: string): Promise<boolean> {
    const [found, since] = await Promise.all([
      eventStreamInfo(redis, feed),
      redis.hget(keys.project(project), 'createdAt'),
    ]);
    if (!found) return position !== beginning;
    // Of an earlier project of the same name.
    if (position !== beginning && compareIds(position, `${since ?? 0}-0`) < 0) return true;
    if (compareIds(position, found.lastId) > 0) return true;
    return found.trimmed && compareIds(position, found.firstId) < 0;
  }

  return {
    lastId,
    isExpired,
    /** Some of the events after `position`, none when there are none yet. Throws `watch_expired`. */
    async after(position: string): Promise<FeedEvent[]> {
      listen();
      if (floor !== null && compareIds(position, floor) >= 0) return recent.slice(firstAfter(recent, position));
      const events = await read(position);
      const isBehind = floor !== null && compareIds(position, floor) < 0;
      if ((events.length > 0 || isBehind) && (await isExpired(position))) {
        throw new AppError('watch_expired', 'The reader was too slow: the feed has gone on without it.');
      }
      return events;
    },
    /** Waits until there is something after `position`, for `timeoutMs` at most. */
    async next(position: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
      listen();
      const until = performance.now() + timeoutMs;
      for (;;) {
        const isBehind = floor !== null && compareIds(position, floor) < 0;
        if (isBehind || firstAfter(recent, position) < recent.length || signal.aborted) return;
        const left = until - performance.now();
        if (left <= 0) return;
        await arrival(waiting, left, signal);
      }
    },
    close(): void {
      isClosed = true;
      stopListening?.();
      stopListening = undefined;
      clearInterval(timer);
      recent = [];
    },
  };
}

/** Waits until woken, for the time or for the signal, whichever is first. Leaves nothing behind. */
async function arrival(waiting: Set<() => void>, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = setTimeout(wake, timeoutMs);
  signal.addEventListener('abort', wake);
  waiting.add(wake);
  await promise;
  waiting.delete(wake);
  signal.removeEventListener('abort', wake);
  clearTimeout(timer);
}

function toEvent(id: string, fields: string[]): FeedEvent {
  const {
    [eventFields.type]: type = '',
    [eventFields.sandboxId]: sandboxId = '',
    [eventFields.sandbox]: text = '',
    [eventFields.labelsBefore]: names,
  } = fieldsOf(fields) as Record<string, string>;
  const lines = new Map<string, string>();
  return {
    id,
    type: type as ChangeType,
    sandboxId,
    sandbox: JSON.parse(text) as Sandbox,
    labelsBefore: names ? labelsOf(JSON.parse(names) as string[]) : null,
    line(typeForReader) {
      const line = lines.get(typeForReader) ?? `{"type":"${typeForReader}","id":"${id}","sandbox":${text}}`;
      lines.set(typeForReader, line);
      return line;
    },
  };
}

/** `key=value`; a key has no `=`. */
function labelsOf(names: readonly string[]): Record<string, string> {
  const pairs = names.filter((name) => name.includes('=')).map((name) => name.split(/=(.*)/s).slice(0, 2));
  return Object.fromEntries(pairs) as Record<string, string>;
}

/**
 * What an event is to a reader with a selector, or null when it is nothing to it: a sandbox whose new labels no longer
 * match has left, as in a watch of Kubernetes.
 */
export function relevance(
  { type, sandbox, labelsBefore }: Pick<FeedEvent, 'type' | 'sandbox' | 'labelsBefore'>,
  requirements: readonly Requirement[],
): ChangeType | null {
  const matches = matchesLabels(sandbox.labels, requirements);
  const matched = labelsBefore === null ? matches : matchesLabels(labelsBefore, requirements);
  if (!matches && !matched) return null;
  if (type !== 'modified' || matches === matched) return type;
  return matches ? 'added' : 'deleted';
}

/** The index of the first event after `position`. */
function firstAfter(events: readonly FeedEvent[], position: string): number {
  const last = events.at(-1);
  if (!last || compareIds(position, last.id) >= 0) return events.length;
  return events.findIndex((event) => compareIds(event.id, position) > 0);
}

/** Orders ids of a Redis stream: milliseconds, then a number within them. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number);
  return aMs - bMs || aSeq - bSeq;
}
