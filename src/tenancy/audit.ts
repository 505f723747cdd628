import type { Redis } from 'ioredis';
import { type ErrorCode, invalidField } from '../errors.ts';
import { auditFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { AuditEntry } from '../schemas/audit.ts';
import type { Principal } from './principal.ts';

/** Per project. The oldest go when there are more. */
export const maxAuditEntries = 100_000;
/** Longer than any path of a route with ids that could exist. */
const longestTarget = 200;

/** An entry that is written in the same transaction as the change that it records. */
export interface AuditedWith {
  readonly projectUid: string;
  readonly note: AuditNote;
}

/** Who calls what, from where. */
export interface AuditedCall {
  readonly principal: Principal;
  readonly address: string;
  readonly operation: string;
  readonly requestId: string;
}

export type AuditNote = Omit<AuditEntry, 'id' | 'at'>;
export type Audit = ReturnType<typeof createAudit>;

/** How a call ended: `status` as HTTP has it, whatever the protocol. */
export function auditNote(
  { principal, ...call }: AuditedCall,
  { target, status, code }: { target: string; status: number; code: ErrorCode | null },
): AuditNote {
  return {
    subject: principal.subject,
    name: principal.name,
    ...call,
    target: target.slice(0, longestTarget),
    status,
    code,
    result: status < 400 ? 'done' : status < 500 ? 'refused' : 'failed',
  };
}

/** The audit log: entries are added, never changed. It has no bodies, and so no secrets. */
export function createAudit({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  return {
    async append(projectUid: string, note: AuditNote): Promise<void> {
      const entry = [auditFields.note, JSON.stringify(note)] as const;
      await redis.xadd(keys.audit(projectUid), 'MAXLEN', '~', maxAuditEntries, '*', ...entry);
    },
    async list(projectUid: string, { limit, cursor }: { limit: number; cursor?: string }) {
      const rows = await redis.xrevrange(keys.audit(projectUid), before(cursor), '-', 'COUNT', limit + 1);
      const items = rows.slice(0, limit).map(toEntry);
      const last = items.at(-1);
      return { items, nextCursor: rows.length > limit && last ? Buffer.from(last.id).toString('base64url') : null };
    },
  };
}

function before(cursor: string | undefined): string {
  if (cursor === undefined) return '+';
  const id = Buffer.from(cursor, 'base64url').toString();
  if (/^\d{1,15}-\d{1,10}$/.test(id)) return `(${id}`;
  throw invalidField('#query/cursor', 'is not a cursor of this service; begin without one', 'invalid_cursor');
}

function toEntry([id, [, text = '{}']]: [string, string[]]): AuditEntry {
  const at = new Date(Number(id.split('-')[0])).toISOString();
  return { id, at, ...(JSON.parse(text) as AuditNote) };
}
