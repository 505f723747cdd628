import type { Redis } from 'ioredis';
import { historyRow, recordFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { HistoryEntry, HistoryType } from '../schemas/history.ts';
import { phaseOf, type SandboxRecord } from './record.ts';

/** What the record does not say about a change: who asked for it, or what went wrong. */
export interface Why {
  readonly type?: HistoryType;
  readonly reason: string;
  readonly message: string;
}

export type HistoryNote = Omit<HistoryEntry, 'id'>;

/** The history entry of a change; null for a change that users do not see, such as of the count of attempts. Pure. */
export function describeChange(before: SandboxRecord | null, after: SandboxRecord, why?: Why): HistoryNote | null {
  const phase = phaseOf(after);
  const at = after.sandbox.updatedAt;
  if (why?.type) return { at, type: why.type, reason: why.reason, message: why.message, phase };
  if (!before) return { at, type: 'created', phase, ...(why ?? { reason: 'Requested', message: '' }) };
  if (phaseOf(before) !== phase) return { at, type: phase, phase, ...(why ?? reasonOf(before, after)) };
  const [old, now] = [before.sandbox, after.sandbox];
  const visible = (sandbox: typeof old) => JSON.stringify([sandbox.name, sandbox.labels, sandbox.expiresAt]);
  if (visible(old) !== visible(now)) {
    return { at, type: 'updated', phase, ...(why ?? { reason: 'Requested', message: '' }) };
  }
  return null;
}

function reasonOf(before: SandboxRecord, after: SandboxRecord): { reason: string; message: string } {
  const { status } = after.sandbox;
  if (status.phase === 'failed') {
    return { reason: status.failure?.code ?? 'internal', message: status.failure?.message ?? '' };
  }
  if (status.phase === 'ready') {
    return before.wasReady
      ? { reason: 'Recovered', message: `after restart ${status.restarts}` }
      : { reason: 'WriteAccepted', message: `after ${status.timings.totalMs} ms` };
  }
  if (status.phase === 'provisioning') return { reason: 'Scheduled', message: `on ${status.host}` };
  const apiServer = status.conditions.find(({ type }) => type === 'ApiServerReady');
  if (status.phase === 'degraded' && apiServer) return { reason: apiServer.reason, message: apiServer.message };
  return { reason: 'Reconciled', message: '' };
}

/** What happened to a sandbox, newest last. Kept for a day after its deletion, while it is one of the last 5,000 of its project. */
export function createHistory({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  async function entriesOf(project: string, sandboxId: string): Promise<HistoryEntry[]> {
    const rows = await redis.lrange(keys.history(project, sandboxId), 0, -1);
    return rows.flatMap((row) => {
      const [, id, text] = historyRow.note.exec(row) ?? [];
      return id && text ? [{ id, ...(JSON.parse(text) as HistoryNote) }] : [];
    });
  }

  return async function read(project: string, sandboxId: string): Promise<HistoryEntry[]> {
    const entries = await entriesOf(project, sandboxId);
    if (entries.length > 0) return entries;
    const [owner, created] = await redis.hmget(keys.sandbox(sandboxId), recordFields.project, recordFields.created);
    if (owner === project && created) return [{ id: '0-0', ...(JSON.parse(created) as HistoryNote) }];
    // The first change moves this entry from the record into the history: it may have done so between the two reads.
    return await entriesOf(project, sandboxId);
  };
}
