import { setTimeout as delay } from 'node:timers/promises';
import { AppError, isAppError } from '../errors.ts';
import type { IndexPage, IndexPosition } from '../resources/paging.ts';
import { matchesLabels, type Requirement } from '../sandbox/selector.ts';
import type { Store } from '../sandbox/store.ts';
import type { Sandbox } from '../schemas/sandbox.ts';

/** Which sandboxes a watch is about. */
export interface Watched {
  readonly project: string;
  /** One sandbox; undefined for all of the project. */
  readonly sandboxId: string | undefined;
  readonly requirements: readonly Requirement[];
}

interface SnapshotPage {
  readonly items: Sandbox[];
  readonly next: IndexPosition | null;
}

const pageSize = 100;
const retryMs = 500;

async function readPage(
  store: Store,
  { project, sandboxId, requirements }: Watched,
  after: IndexPosition | null,
): Promise<SnapshotPage> {
  const page: IndexPage = sandboxId ? { members: [sandboxId], next: null } : await store.page(project, pageSize, after);
  const found = await store.readMany(project, page.members);
  return { items: found.filter(({ labels }) => matchesLabels(labels, requirements)), next: page.next };
}

/** The sandboxes that there are now. */
export async function* snapshot(store: Store, watched: Watched, signal: AbortSignal): AsyncGenerator<Sandbox> {
  let next: IndexPosition | null = null;
  do {
    const from: IndexPosition | null = next;
    const page: SnapshotPage = await retried(() => readPage(store, watched, from), signal);
    yield* page.items;
    next = page.next;
  } while (next);
}

/** The error for a watch that resumes too late: with a first page of what there is now, and the position to go on from. */
export async function expired(store: Store, watched: Watched): Promise<AppError> {
  const since = await store.lastEventId(watched.project);
  const { items, next } = await readPage(store, watched, null);
  const rest = next ? ' (the first of them; list the rest)' : '';
  const detail = `The event log does not go back that far. Take \`fresh.items\`${rest} as the state and resume with since=${since}.`;
  return new AppError('watch_expired', detail, { extension: { fresh: { items, since, complete: next === null } } });
}

/**
 * Reads until the store answers: a store that is away does not end a watch, what it missed is there afterwards. Throws
 * AppErrors, and the reason of `signal` once it aborts.
 */
export async function retried<Reply>(read: () => Promise<Reply>, signal: AbortSignal): Promise<Reply> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await read();
    } catch (error) {
      if (isAppError(error)) throw error;
      // It rejects only when the signal aborts, and that is thrown above.
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
