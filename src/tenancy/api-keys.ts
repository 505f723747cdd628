import { timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { coalesce } from '../coalesce.ts';
import { AppError, invalidField } from '../errors.ts';
import { noteKeyUse, revokeKey } from '../redis/calls/api-keys.ts';
import { addToProject } from '../redis/calls/projects.ts';
import { unsentOf } from '../redis/connection.ts';
import type { ApiKeyHash } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { parseCursor, readIndex, toCursor } from '../resources/paging.ts';
import type { Key, KeyCreate, KeyWithSecret, Scope } from '../schemas/key.ts';
import { hashKey, newSecret, parseKey, unacceptable } from './key-format.ts';
import type { Principal } from './principal.ts';
import { checkAdded } from './projects.ts';

const maxKeysPerProject = 200;
const keepRevokedSeconds = 30 * 24 * 3600;
const keepRevokedKeys = 1000;
const lastExpiry = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const lastUseEveryMs = 60_000;
const rememberedKeys = 1000;

interface KnownKey {
  readonly id: string;
  readonly digest: Buffer;
  readonly principal: Principal;
  /** When its next use has to be noted, in epoch ms. */
  readonly notedUntil: number;
}

export type ApiKeys = ReturnType<typeof createApiKeys>;

/** Keys of projects. What is stored of one is its hash; whoever has the store cannot use them. */
export function createApiKeys({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  // Keys that were right. Whether one still is, is for the store to say.
  const known = new LRUCache<string, KnownKey>({ max: rememberedKeys });
  let endings = 0;

  /** Returns until when that need not be done again, in epoch ms. */
  function noteUse(id: string, fields: Record<string, string>): number {
    const now = Date.now();
    // One that lies ahead was noted by a clock that is ahead.
    const usedAt = Math.min(Number(fields.usedAt ?? 0), now);
    if (now - usedAt < lastUseEveryMs) return usedAt + lastUseEveryMs;
    // Not worth a request's failure.
    noteKeyUse(redis, { keys: { apiKey: keys.apiKey(id) }, nowMs: now }).catch(() => undefined);
    return now + lastUseEveryMs;
  }

  async function create(project: string, uid: string, id: string, body: KeyCreate): Promise<KeyWithSecret> {
    const expiresAt = body.expiresAt ? Date.parse(body.expiresAt) : null;
    // RFC 3339 has times that are none for Date, as leap seconds, and with an offset some that it cannot write in UTC.
    if (expiresAt !== null && !(expiresAt > Date.now() && expiresAt <= lastExpiry)) {
      throw invalidField('/expiresAt', 'must be in the future and before the year 10000, as 2030-12-31T23:59:59Z');
    }
    const secret = newSecret(id);
    const createdAt = Date.now();
    const fields = {
      hash: hashKey(secret).toString('base64'),
      project,
      uid,
      name: body.name,
      scopes: body.scopes.join(' '),
      createdAt: String(createdAt),
      ...(expiresAt === null ? {} : { expiresAt: String(expiresAt) }),
    } satisfies ApiKeyHash;
    const added = await addToProject(redis, {
      keys: { project: keys.project(project), hash: keys.apiKey(id), index: keys.apiKeys(project) },
      member: id,
      score: createdAt,
      most: maxKeysPerProject,
      fields,
    });
    checkAdded(added, project, { name: 'keys', value: maxKeysPerProject });
    return { ...toKey(id, fields), secret };
  }

  async function get(project: string, id: string): Promise<Key> {
    const fields = await redis.hgetall(keys.apiKey(id));
    if (fields.project !== project || fields.revokedAt) throw noKey(id);
    return toKey(id, fields);
  }

  async function list(project: string, query: { limit: number; cursor?: string }) {
    const page = await readIndex(redis, keys.apiKeys(project), query.limit, parseCursor(query.cursor));
    const found = await Promise.all(
      page.members.map(async (id) => [id, await redis.hgetall(keys.apiKey(id))] as const),
    );
    const items = found.filter(([, fields]) => fields.hash).map(([id, fields]) => toKey(id, fields));
    return { items, nextCursor: toCursor(page.next) };
  }

  /** At once on every replica. The hash is kept for a month, and of the last 1,000, so that its user is told what happened. */
  async function revoke(project: string, id: string): Promise<void> {
    await get(project, id);
    await revokeKey(redis, {
      keys: {
        apiKey: keys.apiKey(id),
        projectKeys: keys.apiKeys(project),
        revokedKeys: keys.revokedKeys(project),
        keyPrefix: keys.apiKey(''),
      },
      id,
      nowMs: Date.now(),
      keepSeconds: keepRevokedSeconds,
      most: keepRevokedKeys,
      changesChannel: keys.changes,
      endedKeysChannel: keys.endedKeys,
    });
  }

  /**
   * Who has this key. A key that is unknown and one with another secret get the same answer in the same time. Throws
   * `unauthenticated`, `key_malformed`, `key_checksum_mismatch`, `key_expired`, `key_revoked`.
   */
  async function authenticate(key: string): Promise<Principal> {
    const before = known.get(key);
    const id = before?.id ?? parseKey(key);
    const digest = before?.digest ?? hashKey(key);
    const endingsBefore = endings;
    const fields = await redis.hgetall(keys.apiKey(id));
    try {
      const principal = check(id, digest, fields);
      // The end of this one may have been told before what was true when it was asked.
      if (endings === endingsBefore) known.set(key, { id, digest, principal, notedUntil: noteUse(id, fields) });
      return principal;
    } catch (error) {
      known.delete(key);
      throw error;
    }
  }

  /** Whose key it was when it was last asked, not long ago; undefined when its use has to be noted anew. */
  function recall(key: string): Principal | undefined {
    const before = known.get(key);
    const now = Date.now();
    // One that is further ahead was noted before the clock was set back.
    if (!before || before.notedUntil <= now || before.notedUntil > now + lastUseEveryMs) return undefined;
    const { principal } = before;
    return principal.expiresAt === null || principal.expiresAt > now ? principal : undefined;
  }

  /** Forgets keys as they are revoked. What is missed while Redis is away is recalled for a minute at most. */
  async function forgetEnded(subscriber: Redis): Promise<void> {
    subscriber.on('message', (channel: string, id: string) => {
      if (channel !== keys.endedKeys) return;
      endings += 1;
      for (const [key, how] of [...known.entries()]) if (how.id === id) known.delete(key);
    });
    await subscriber.subscribe(keys.endedKeys);
  }

  function check(id: string, digest: Buffer, fields: Record<string, string>): Principal {
    const stored = Buffer.from(fields.hash ?? '', 'base64');
    if (!timingSafeEqual(stored.length === digest.length ? stored : Buffer.alloc(digest.length), digest)) {
      throw invalidField('#header/authorization', 'This key is not known here.', 'unauthenticated');
    }
    if (fields.revokedAt)
      throw unacceptable('key_revoked', `was revoked at ${isoTime(fields.revokedAt)}; ask for another`);
    const expiresAt = fields.expiresAt ? Number(fields.expiresAt) : null;
    if (expiresAt !== null && expiresAt <= Date.now()) {
      throw unacceptable('key_expired', `expired at ${new Date(expiresAt).toISOString()}; ask for another`);
    }
    return {
      kind: 'key',
      subject: `key:${id}`,
      name: fields.name ?? '',
      project: fields.project ?? '',
      projectUid: fields.uid ?? '',
      scopes: (fields.scopes ?? '').split(' ') as Scope[],
      expiresAt,
      key: { id, hash: digest.toString('base64') },
    };
  }

  return { create, get, list, revoke, authenticate: coalesce(authenticate, unsentOf(redis)), recall, forgetEnded };
}

function toKey(id: string, fields: Record<string, string>): Key {
  return {
    id,
    name: fields.name ?? '',
    project: fields.project ?? '',
    scopes: (fields.scopes ?? '').split(' ') as Scope[],
    createdAt: isoTime(fields.createdAt) ?? '',
    expiresAt: isoTime(fields.expiresAt),
    lastUsedAt: isoTime(fields.usedAt),
  };
}

function isoTime(ms: string | undefined): string | null {
  return ms ? new Date(Number(ms)).toISOString() : null;
}

function noKey(id: string): AppError {
  return new AppError('not_found', `There is no key ${id}.`);
}
