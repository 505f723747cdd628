import type { Redis } from 'ioredis';
import { invalidField } from '../errors.ts';

/** The last one seen, so that inserts do not shift pages. */
export interface IndexPosition {
  readonly score: number;
  readonly member: string;
}

export interface IndexPage {
  readonly members: string[];
  readonly next: IndexPosition | null;
}

/** A page of a sorted set, highest score first, and of equal scores in reverse order of their names. */
export async function readIndex(
  redis: Redis,
  key: string,
  limit: number,
  after: IndexPosition | null,
): Promise<IndexPage> {
  const max = after ? String(after.score) : '+inf';
  const found: [string, number][] = [];
  // Members of one score come in reverse order of their names: skip those up to the cursor's.
  for (let offset = 0; found.length <= limit; offset += limit + 1) {
    const window = ['LIMIT', String(offset), String(limit + 1)] as const;
    const rows = await redis.zrange(key, max, '-inf', 'BYSCORE', 'REV', ...window, 'WITHSCORES');
    const pairs = pairUp(rows);
    found.push(...pairs.filter(([member, score]) => !after || score < after.score || member < after.member));
    if (pairs.length <= limit) break;
  }
  const members = found.slice(0, limit);
  const last = members.at(-1);
  const next = found.length > limit && last ? { score: last[1], member: last[0] } : null;
  return { members: members.map(([member]) => member), next };
}

export function toCursor(position: IndexPosition | null): string | null {
  return position && Buffer.from(`${position.score}:${position.member}`).toString('base64url');
}

/** Throws `invalid_cursor`. */
export function parseCursor(cursor: string | undefined): IndexPosition | null {
  if (cursor === undefined) return null;
  const [, score, member] = /^(\d{1,15}):([a-z0-9_.-]{1,80})$/i.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (score && member) return { score: Number(score), member };
  throw invalidField('#query/cursor', 'is not a cursor of this service; begin without one', 'invalid_cursor');
}

function pairUp(flat: string[]): [string, number][] {
  return flat.flatMap((member, i) => (i % 2 === 0 ? [[member, Number(flat[i + 1])] as [string, number]] : []));
}
