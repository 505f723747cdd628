import { timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError, invalidField } from '../errors.ts';
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

export type ApiKeys = ReturnType<typeof createApiKeys>;

/** The keys of projects. Only a hash of each is stored, so that whoever reads the store cannot use them. */
export function createApiKeys({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  /** Notes when a key was last used, at most once a minute. */
  function noteUse(id: string, usedAt: string | undefined): void {
    const now = Date.now();
    if (now - Number(usedAt ?? 0) < lastUseEveryMs) return;
    // Not worth failing the request: the next one notes it.
    redis.spNoteKeyUse(keys.apiKey(id), String(now)).catch(() => undefined);
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
    };
    const added = await redis.spAddToProject(
      keys.project(project),
      keys.apiKey(id),
      keys.apiKeys(project),
      id,
      String(createdAt),
      String(maxKeysPerProject),
      ...Object.entries(fields).flat(),
    );
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

  /**
   * Takes effect at once, on every replica. The hash is kept for a month, for the last 1,000 revoked keys of a project, so
   * that who still uses the key is told what happened to it.
   */
  async function revoke(project: string, id: string): Promise<void> {
    await get(project, id);
    await redis.spRevokeKey(
      keys.apiKey(id),
      keys.apiKeys(project),
      keys.revokedKeys(project),
      keys.apiKey(''),
      id,
      String(Date.now()),
      String(keepRevokedSeconds),
      String(keepRevokedKeys),
      keys.changes,
    );
  }

  /**
   * The principal of a key, as the store has it now. A key that is unknown and one with a wrong secret get the same answer in
   * the same time. Throws `unauthenticated`, `key_malformed`, `key_checksum_mismatch`, `key_expired`, `key_revoked`.
   */
  async function authenticate(key: string): Promise<Principal> {
    const id = parseKey(key);
    const fields = await redis.hgetall(keys.apiKey(id));
    const principal = check(id, hashKey(key), fields);
    noteUse(id, fields.usedAt);
    return principal;
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

  return { create, get, list, revoke, authenticate };
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
