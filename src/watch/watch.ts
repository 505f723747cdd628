import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { AppError, isAppError } from '../errors.ts';
import type { Changes } from '../redis/changes.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { notFound } from '../sandbox/find.ts';
import { matchesLabels, parseSelectors, type Requirement } from '../sandbox/selector.ts';
import type { Store } from '../sandbox/store.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import { compareIds, createFeedReader, type FeedEvent, relevance } from './event-log.ts';

/** What a watch gets. `line` is the JSON that users see, made once for all who get it. */
export interface WatchItem {
  /** Where to resume; null while the sandboxes of the beginning are told. */
  readonly id: string | null;
  readonly type: 'added' | 'modified' | 'deleted' | 'bookmark';
  readonly line: string;
}

export interface WatchQuery {
  /** Resume after this event. Without it, the watch begins with what is there. */
  readonly since?: string;
  readonly sandboxId?: string;
  readonly label?: readonly string[];
}

interface WatchOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly changes: Changes;
  readonly store: Store;
  /** Open watches of one project and of all, in this process. */
  readonly maxWatchers: { readonly project: number; readonly all: number };
  readonly heartbeatMs?: number;
}

const snapshotPage = 100;
const storePauseMs = 500;

export type Watch = ReturnType<typeof createWatch>;

/**
 * Changes of a project as they happen. Watches are pulled by their readers: each holds a position in the project's feed
 * and nothing else, so that a slow one costs no memory.
 */
export function createWatch({ redis, keys, changes, store, maxWatchers, heartbeatMs = 15_000 }: WatchOptions) {
  const readers = new Map<string, { reader: ReturnType<typeof createFeedReader>; watchers: number }>();
  let watching = 0;

  /** Takes a place among the watches until `signal` aborts, whoever reads by then. */
  function join(project: string, signal: AbortSignal) {
    const known = readers.get(project) ?? { reader: createFeedReader({ redis, keys, changes, project }), watchers: 0 };
    const { watchers } = known;
    if (watchers >= maxWatchers.project) throw tooMany(`of the project ${project}`, maxWatchers.project, watchers);
    if (watching >= maxWatchers.all) throw tooMany('of this service', maxWatchers.all, watching);
    readers.set(project, known);
    known.watchers += 1;
    watching += 1;
    let joined = true;
    const leave = () => {
      if (!joined) return;
      joined = false;
      signal.removeEventListener('abort', leave);
      watching -= 1;
      known.watchers -= 1;
      if (known.watchers > 0) return;
      known.reader.close();
      readers.delete(project);
    };
    signal.addEventListener('abort', leave);
    return { reader: known.reader, leave };
  }

  /**
   * Begins a watch. Throws `too_many_watchers`, `watch_expired` (with a fresh list), `not_found`, `invalid_selector`. It
   * ends with `signal`, which has to abort at last.
   */
  async function watch(project: string, query: WatchQuery, signal: AbortSignal): Promise<AsyncGenerator<WatchItem>> {
    const requirements = parseSelectors(query.label ?? []);
    const { sandboxId, since } = query;
    if (signal.aborted) return nothing();
    const { reader, leave } = join(project, signal);
    const wanted = (event: FeedEvent) =>
      sandboxId === undefined || event.sandboxId === sandboxId ? relevance(event, requirements) : null;
    try {
      // Before anything is looked at: what changes from here on is in the feed.
      const position = since ?? (await reader.lastId());
      if (sandboxId && !(await hasMoreToTell(project, sandboxId, since))) throw notFound(sandboxId);
      if (since !== undefined && (await reader.isExpired(since))) {
        throw await expired(project, reader, sandboxId, requirements);
      }
      return follow({ position, fresh: since === undefined });
    } catch (error) {
      leave();
      throw error;
    }

    async function* follow(begin: { position: string; fresh: boolean }): AsyncGenerator<WatchItem> {
      let { position } = begin;
      let toldAt = performance.now();
      const told = new Map<string, number>();
      const bookmark = (): WatchItem => {
        toldAt = performance.now();
        return {
          id: position,
          type: 'bookmark',
          line: JSON.stringify({ type: 'bookmark', id: position }),
        };
      };
      try {
        if (begin.fresh) {
          for await (const sandbox of present(project, sandboxId, signal)) {
            if (signal.aborted) return;
            if (relevance({ sandbox, labelsBefore: null, type: 'added' }, requirements) === null) continue;
            told.set(sandbox.id, Number(sandbox.resourceVersion));
            yield { id: null, type: 'added', line: JSON.stringify({ type: 'added', id: null, sandbox }) };
          }
        }
        yield bookmark();
        // What changed while the beginning was told may have been told with it.
        const toldUntil = begin.fresh ? await outlast(() => reader.lastId(), signal) : position;
        while (!signal.aborted) {
          const events = await outlast(() => reader.after(position), signal);
          for (const event of events) {
            if (signal.aborted) return;
            position = event.id;
            const type = wanted(event);
            if (type === null) continue;
            if (Number(event.sandbox.resourceVersion) <= (told.get(event.sandboxId) ?? 0)) continue;
            toldAt = performance.now();
            yield { id: event.id, type, line: event.line(type) };
            if (sandboxId !== undefined && event.type === 'deleted') return;
          }
          if (told.size > 0 && compareIds(position, toldUntil) >= 0) told.clear();
          // Others may be busy while nothing comes for this one: it is to see that it lives, and where it is.
          const left = toldAt + heartbeatMs - performance.now();
          if (left <= 0) yield bookmark();
          else if (events.length === 0) await reader.next(position, left, signal);
        }
      } catch (error) {
        // Then nobody reads any more.
        if (!signal.aborted) throw error;
      } finally {
        leave();
      }
    }
  }

  /** Whether it is there, or its end is still to be told to one who resumes. */
  async function hasMoreToTell(project: string, id: string, since: string | undefined): Promise<boolean> {
    if ((await store.read(project, id)) !== null) return true;
    if (since === undefined) return false;
    const end = await store.readDeleted(project, id);
    return end !== null && compareIds(end.eventId, since) > 0;
  }

  async function* present(
    project: string,
    sandboxId: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Sandbox> {
    if (sandboxId !== undefined) {
      const sandbox = await outlast(() => store.read(project, sandboxId), signal);
      if (sandbox) yield sandbox;
      return;
    }
    type Page = Awaited<ReturnType<Store['page']>>;
    let next: Page['next'] = null;
    do {
      const from: Page['next'] = next;
      const page: Page = await outlast(() => store.page(project, snapshotPage, from), signal);
      yield* await outlast(() => store.readMany(project, page.members), signal);
      next = page.next;
    } while (next);
  }

  /** A fresh start for who comes too late: what is there now of what it watches, and where to go on from. */
  async function expired(
    project: string,
    reader: ReturnType<typeof createFeedReader>,
    sandboxId: string | undefined,
    requirements: readonly Requirement[],
  ): Promise<AppError> {
    const since = await reader.lastId();
    const page = sandboxId ? { members: [sandboxId], next: null } : await store.page(project, snapshotPage, null);
    const found = await store.readMany(project, page.members);
    const items = found.filter(({ labels }) => matchesLabels(labels, requirements));
    const detail = `The feed does not go back that far. Take \`fresh.items\`${page.next ? ' (the first of them; list the rest)' : ''} as the state and resume with since=${since}.`;
    return new AppError('watch_expired', detail, {
      extension: { fresh: { items, since, complete: page.next === null } },
    });
  }

  return watch;
}

/**
 * A store that does not answer for a while is no reason to end a watch: what it missed is still there afterwards. Throws
 * the reason of `signal` once it aborts.
 */
async function outlast<Reply>(read: () => Promise<Reply>, signal: AbortSignal): Promise<Reply> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await read();
    } catch (error) {
      if (isAppError(error)) throw error;
      // The rejection only says that nobody reads any more.
      await delay(storePauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function* nothing(): AsyncGenerator<WatchItem> {}

function tooMany(whose: string, value: number, used: number): AppError {
  return new AppError(
    'too_many_watchers',
    `${used} watches ${whose} are open here; ${value} are allowed. Close some.`,
    {
      limit: { name: 'watchers', value, used },
      retryAfterSeconds: 10,
    },
  );
}
