import type { Redis } from 'ioredis';
import type { Credentials } from '../runtime/pki.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { RedisKeys } from './keys.ts';
import type { SandboxRecord } from './record.ts';
import type { Sealer } from './seal.ts';

export interface Stored {
  readonly record: SandboxRecord;
  /** Opened lazily: most readers do not need the keys. */
  readonly credentials: () => Credentials | null;
}

export interface Page {
  readonly ids: string[];
  readonly nextCursor: string | null;
}

export type Store = ReturnType<typeof createStore>;

/** The records in Redis. Every change compares and swaps on the version; who loses reads again. */
export function createStore({ redis, keys, sealer }: { redis: Redis; keys: RedisKeys; sealer: Sealer }) {
  const contextOf = (sandbox: Sandbox) => `${sandbox.project}/${sandbox.id}`;

  function parse(fields: Record<string, string>): Stored | null {
    if (!fields.r || !fields.v) return null;
    const record = JSON.parse(fields.r) as SandboxRecord;
    const sandbox = { ...record.sandbox, resourceVersion: fields.v };
    const sealed = fields.s;
    return {
      record: { ...record, sandbox },
      credentials: () => (sealed ? (JSON.parse(sealer.open(sealed, contextOf(sandbox))) as Credentials) : null),
    };
  }

  async function get(id: string): Promise<Stored | null> {
    return parse(await redis.hgetall(keys.sandbox(id)));
  }

  async function create(record: SandboxRecord): Promise<SandboxRecord> {
    const { id, project, createdAt, status } = record.sandbox;
    const score = String(Date.parse(createdAt));
    await redis.spCreate(
      keys.sandbox(id),
      keys.projectIndex(project),
      keys.hostIndex(status.host),
      keys.changes,
      id,
      JSON.stringify(record),
      score,
    );
    return { ...record, sandbox: { ...record.sandbox, resourceVersion: '1' } };
  }

  /**
   * Applies `change` to the newest record and stores the outcome, again and again until no other writer came between.
   * `change` returns null to leave the record as it is. Returns what is stored, or null when there is no record.
   */
  async function update(
    id: string,
    change: (record: SandboxRecord) => SandboxRecord | null,
    credentials?: Credentials,
  ): Promise<SandboxRecord | null> {
    for (;;) {
      const stored = await get(id);
      if (!stored) return null;
      const changed = change(stored.record);
      if (!changed) return stored.record;
      const swapped = await swap(changed, stored.record.sandbox.resourceVersion, credentials);
      if (swapped) return swapped;
    }
  }

  async function swap(changed: SandboxRecord, expected: string, credentials?: Credentials) {
    const sandbox = { ...changed.sandbox, updatedAt: new Date().toISOString() };
    const sealed = credentials ? sealer.seal(JSON.stringify(credentials), contextOf(sandbox)) : '';
    const version = await redis.spSwap(
      keys.sandbox(sandbox.id),
      keys.changes,
      sandbox.id,
      expected,
      JSON.stringify({ ...changed, sandbox }),
      sealed,
    );
    if (version === 0) return null;
    return { ...changed, sandbox: { ...sandbox, resourceVersion: String(version) } };
  }

  /** Removes the record and everything in the store that is only about it. */
  async function remove(sandbox: Sandbox): Promise<void> {
    const { host } = sandbox.status;
    await redis.spRemove(
      keys.sandbox(sandbox.id),
      keys.projectIndex(sandbox.project),
      keys.hostIndex(host),
      keys.ports(host),
      keys.waiting(host),
      keys.starting(host),
      keys.changes,
      sandbox.id,
    );
  }

  /** A page of ids, newest first. The cursor names the last one seen, so that inserts do not shift pages. */
  async function page(project: string, limit: number, cursor: { score: number; id: string } | null): Promise<Page> {
    const max = cursor ? String(cursor.score) : '+inf';
    const found: [string, number][] = [];
    // Members of one score come in reverse order of their ids: skip those up to the cursor's.
    for (let offset = 0; found.length <= limit; offset += limit + 1) {
      const rows = await redis.zrange(
        keys.projectIndex(project),
        max,
        '-inf',
        'BYSCORE',
        'REV',
        'LIMIT',
        String(offset),
        String(limit + 1),
        'WITHSCORES',
      );
      const pairs = pairUp(rows);
      found.push(...pairs.filter(([id, score]) => !cursor || score < cursor.score || id < cursor.id));
      if (pairs.length <= limit) break;
    }
    const ids = found.slice(0, limit);
    const last = ids.at(-1);
    return { ids: ids.map(([id]) => id), nextCursor: found.length > limit && last ? `${last[1]}:${last[0]}` : null };
  }

  async function getMany(ids: readonly string[]): Promise<Stored[]> {
    if (ids.length === 0) return [];
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.hgetall(keys.sandbox(id));
    const rows = (await pipeline.exec()) ?? [];
    return rows.flatMap(([error, fields]) => {
      if (error) throw error;
      return parse(fields as Record<string, string>) ?? [];
    });
  }

  /** Ids of one host, in pages of at most `count`. */
  async function* idsOfHost(host: string, count = 500): AsyncGenerator<string[]> {
    for (let start = 0; ; start += count) {
      const ids = await redis.zrange(keys.hostIndex(host), String(start), String(start + count - 1));
      if (ids.length > 0) yield ids;
      if (ids.length < count) return;
    }
  }

  return { get, getMany, create, update, remove, page, idsOfHost };
}

function pairUp(flat: string[]): [string, number][] {
  return flat.flatMap((id, i) => (i % 2 === 0 ? [[id, Number(flat[i + 1])] as [string, number]] : []));
}
