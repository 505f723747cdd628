import type { Store } from '../sandbox/store.ts';
import { compareIds, type LogEvent, relevance } from './event.ts';
import type { EventReader } from './event-reader.ts';
import { retried, snapshot, type Watched } from './snapshot.ts';

/** What a watch tells. */
export interface WatchItem {
  /** Where to resume; null for the sandboxes that there were when the watch began. */
  readonly id: string | null;
  readonly type: 'added' | 'modified' | 'deleted' | 'bookmark';
  /** The JSON that users see. */
  readonly line: string;
}

interface Following extends Watched {
  readonly store: Store;
  readonly reader: EventReader;
  /** Where in the event log to begin. */
  readonly position: string;
  /** Whether to tell what there is before what changes. */
  readonly withSnapshot: boolean;
  /** After so long without an item comes a bookmark: the watch is alive, and its position moves on. */
  readonly heartbeatMs: number;
}

/** Ends when the one sandbox that it is about is deleted. Throws the reason of `signal` once it aborts, and `watch_expired`. */
export async function* follow(following: Following, signal: AbortSignal): AsyncGenerator<WatchItem> {
  const { store, reader, sandboxId, requirements, withSnapshot, heartbeatMs } = following;
  let { position } = following;
  /** The versions in the snapshot: changes up to these may be in the log as well, and are not told twice. */
  const versions = new Map<string, number>();
  const typeOf = (event: LogEvent) => {
    if (sandboxId !== undefined && event.sandboxId !== sandboxId) return null;
    if (Number(event.sandbox.resourceVersion) <= (versions.get(event.sandboxId) ?? 0)) return null;
    return relevance(event, requirements);
  };

  if (withSnapshot) {
    for await (const sandbox of snapshot(store, following, signal)) {
      signal.throwIfAborted();
      versions.set(sandbox.id, Number(sandbox.resourceVersion));
      yield { id: null, type: 'added', line: JSON.stringify({ type: 'added', id: null, sandbox }) };
    }
  }
  yield bookmark(position);
  const snapshotEnd = withSnapshot ? await retried(reader.lastId, signal) : position;
  let toldAt = performance.now();
  for (;;) {
    const events = await retried(() => reader.after(position), signal);
    for (const event of events) {
      signal.throwIfAborted();
      position = event.id;
      const type = typeOf(event);
      if (type === null) continue;
      toldAt = performance.now();
      yield { id: event.id, type, line: event.line(type) };
      if (sandboxId !== undefined && event.type === 'deleted') return;
    }
    if (compareIds(position, snapshotEnd) >= 0) versions.clear();
    const leftMs = toldAt + heartbeatMs - performance.now();
    if (leftMs <= 0) {
      toldAt = performance.now();
      yield bookmark(position);
    } else if (events.length === 0) await reader.next(position, leftMs, signal);
  }
}

function bookmark(id: string): WatchItem {
  return { id, type: 'bookmark', line: JSON.stringify({ type: 'bookmark', id }) };
}
