import { removeSandbox } from '../redis/calls/sandbox-writes.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { HistoryNote, Why } from './history.ts';
import { nextVersion, type StoreWrite, writtenKeys, writtenValues } from './store-write.ts';

const keepHistorySeconds = 24 * 3600;

export function recordRemoval(write: StoreWrite) {
  const { redis, keys } = write;

  /** Removes the record and everything in the store that is only about it, but for its history. Returns it as it was at last. */
  return async function remove(
    before: Sandbox,
    { reason, message }: Why = { reason: 'Removed', message: 'nothing of it is left' },
  ): Promise<Sandbox> {
    const host = before.status.host ?? '';
    const last = nextVersion({ ...before, status: { ...before.status, phase: 'deleted', endpoint: null } });
    const note: HistoryNote = { at: last.updatedAt, type: 'deleted', reason, message, phase: 'deleted' };
    await removeSandbox(redis, {
      ...writtenValues(write, last),
      keys: { ...writtenKeys(keys, last), hostIndex: keys.hostIndex(host), ports: keys.ports(host) },
      historyEntry: JSON.stringify(note),
      keepHistorySeconds,
    });
    return last;
  };
}
