import { AppError } from '../errors.ts';
import type { Changes } from '../redis/changes.ts';
import { waitForCall } from '../redis/wait-for-call.ts';
import { compareIds, type LogEvent } from './event.ts';
import type { EventLog } from './event-log.ts';

const keepRecent = 256;
/** Notifications may be lost while Redis is away: the log is also read after this long. */
const readAgainMs = 2000;
/** The least length of an event log that can be set. */
const leastLogLength = 10;

/** Reads at each change of a project, until `signal` aborts. */
async function keepUp(changes: Changes, project: string, read: () => Promise<void>, signal: AbortSignal) {
  const listener = changes.listen(project);
  while (!signal.aborted) {
    // Redis is away: the next round reads what was missed.
    await read().catch(() => undefined);
    await listener.next(readAgainMs, signal);
  }
  listener.close();
}

export type EventReader = ReturnType<typeof createEventReader>;

/** Reads an event log for all watches of a project in this process: each new event is read from Redis once. */
export function createEventReader({ log, changes, project }: { log: EventLog; changes: Changes; project: string }) {
  /** Consecutive events: all that came after `floor`. */
  let recent: LogEvent[] = [];
  /** Null until the first read. */
  let floor: string | null = null;
  const waiting = new Set<() => void>();
  const stop = new AbortController();

  const isBehind = (position: string) => floor !== null && compareIds(position, floor) < 0;
  const recentAfter = (position: string) =>
    recent.slice(recent.findLastIndex(({ id }) => compareIds(id, position) <= 0) + 1);
  const wakeAll = () => {
    for (const wake of waiting) wake();
  };

  async function readNew(): Promise<void> {
    if (floor === null) {
      floor = await log.lastId();
      // Watches that are behind it read from Redis themselves.
      wakeAll();
    }
    for (;;) {
      const from = recent.at(-1)?.id ?? floor;
      const events = await log.read(from);
      const [first] = events;
      if (!first) return;
      // The log may have been cut before it was read here: then what is kept here has to begin anew, after the gap.
      if (events.length >= leastLogLength && (await log.isExpired(from))) [recent, floor] = [[], first.id];
      recent.push(...events);
      const dropped = recent.splice(0, Math.max(0, recent.length - keepRecent));
      floor = dropped.at(-1)?.id ?? floor;
      wakeAll();
    }
  }

  void keepUp(changes, project, readNew, stop.signal);

  return {
    lastId: log.lastId,
    isExpired: log.isExpired,
    /** Some of the events after `position`, none when there are none yet. Throws `watch_expired`. */
    async after(position: string): Promise<LogEvent[]> {
      if (floor !== null && !isBehind(position)) return recentAfter(position);
      const events = await log.read(position);
      if (await log.isExpired(position)) {
        throw new AppError(
          'watch_expired',
          'The reader was too slow: the event log no longer goes back to its position.',
        );
      }
      return events;
    },
    /** Waits until there may be something after `position`, for `timeoutMs` at most. */
    async next(position: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
      if (isBehind(position) || recentAfter(position).length > 0) return;
      await waitForCall(waiting, timeoutMs, signal);
    },
    close: () => stop.abort(),
  };
}
