import { removeSandbox } from '../redis/calls/sandbox-writes.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { HistoryNote } from './history.ts';
import { nextVersion, type StoreWrite, writtenKeys, writtenValues } from './store-write.ts';

const keepHistorySeconds = 24 * 3600;
/** Of a project: some 10 MB. */
const mostHistories = 5000;

const removed = { reason: 'Removed', message: 'nothing of it is left' };

export function recordRemoval(write: StoreWrite) {
  const { redis, keys } = write;

  /** Removes the record and everything in the store that is only about it, but for its history. Returns it as it was at last. */
  return async function remove(before: Sandbox, why: typeof removed = removed): Promise<Sandbox> {
    const host = before.status.host ?? '';
    const { status } = before;
    // What was said of components is of none that exist, and logs are gone as well.
    const conditions = why === removed ? [] : status.conditions;
    const failure = status.failure && { ...status.failure, logTail: [] };
    const last = nextVersion({
      ...before,
      status: { ...status, phase: 'deleted', endpoint: null, conditions, failure },
    });
    const note: HistoryNote = { at: last.updatedAt, type: 'deleted', ...why, phase: 'deleted' };
    await removeSandbox(redis, {
      ...writtenValues(write, last),
      keys: {
        ...writtenKeys(keys, last),
        hostIndex: keys.hostIndex(host),
        ports: keys.ports(host),
        deleted: keys.deleted(last.project),
      },
      historyEntry: JSON.stringify(note),
      keepHistorySeconds,
      mostHistories,
      historyPrefix: keys.history(last.project, ''),
    });
    return last;
  };
}
