import type { Redis } from 'ioredis';
import type { Changes } from '../redis/changes.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { notFound } from '../sandbox/find.ts';
import { parseSelectors } from '../sandbox/selector.ts';
import type { Store } from '../sandbox/store.ts';
import { compareIds } from './event.ts';
import { openEventLog } from './event-log.ts';
import { createEventReader } from './event-reader.ts';
import { follow, type WatchItem } from './follow.ts';
import { expired, type Watched } from './snapshot.ts';
import { createWatchers, type WatchLimits } from './watchers.ts';

export interface WatchQuery {
  /** Resume after this event. Without it, the watch begins with what there is. */
  readonly since?: string;
  readonly sandboxId?: string;
  readonly label?: readonly string[];
}

interface WatchOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly changes: Changes;
  readonly store: Store;
  readonly maxWatchers: WatchLimits;
  readonly heartbeatMs?: number;
}

export type Watch = ReturnType<typeof createWatch>;

/**
 * Tells the changes of a project as they happen. A watch is pulled by its client: it holds a position in the project's
 * event log and nothing else, so that a slow client costs no memory.
 */
export function createWatch({ redis, keys, changes, store, maxWatchers, heartbeatMs = 15_000 }: WatchOptions) {
  const join = createWatchers(maxWatchers, (project) =>
    createEventReader({ log: openEventLog({ redis, keys, project }), changes, project }),
  );

  /**
   * Begins a watch. It ends with `signal`, which has to abort in the end. Throws `too_many_watchers`, `watch_expired` (with
   * a fresh list), `not_found` and `invalid_selector`.
   */
  return async function watch(
    project: string,
    { since, sandboxId, label = [] }: WatchQuery,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<WatchItem>> {
    const watched: Watched = { project, sandboxId, requirements: parseSelectors(label) };
    if (signal.aborted) return nothing();
    const { reader, leave } = join(project, signal);
    try {
      // Read before anything else: what changes from here on is in the event log.
      const position = since ?? (await reader.lastId());
      if (sandboxId && !(await canBeWatched(store, project, sandboxId, since))) throw notFound(sandboxId);
      if (since !== undefined && (await reader.isExpired(since))) throw await expired(store, watched);
      const withSnapshot = since === undefined;
      const items = follow({ ...watched, store, reader, position, withSnapshot, heartbeatMs }, signal);
      return untilAborted(items, leave, signal);
    } catch (error) {
      leave();
      throw error;
    }
  };
}

/** Whether a sandbox exists, or was deleted after the event that a watch resumes from. */
async function canBeWatched(store: Store, project: string, id: string, since: string | undefined): Promise<boolean> {
  if ((await store.read(project, id)) !== null) return true;
  if (since === undefined) return false;
  const last = await store.readDeleted(project, id);
  return last !== null && compareIds(last.eventId, since) > 0;
}

/** The items, without the error of a signal that has aborted: nobody reads on then. */
async function* untilAborted(items: AsyncGenerator<WatchItem>, leave: () => void, signal: AbortSignal) {
  try {
    yield* items;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    leave();
  }
}

async function* nothing(): AsyncGenerator<WatchItem> {}
