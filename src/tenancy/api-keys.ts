import type { Redis } from 'ioredis';
import { AppError, invalidField } from '../errors.ts';
import { revokeKey } from '../redis/calls/api-keys.ts';
import { addToProject } from '../redis/calls/projects.ts';
import type { ApiKeyHash } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { parseCursor, readIndex, toCursor } from '../resources/paging.ts';
import type { Key, KeyCreate, KeyWithSecret, Scope } from '../schemas/key.ts';
import { hashKey, newSecret } from './key-format.ts';
import { checkAdded } from './projects.ts';

const maxKeysPerProject = 200;
const keepRevokedSeconds = 30 * 24 * 3600;
const keepRevokedKeys = 1000;
const lastExpiry = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

export type ApiKeys = ReturnType<typeof createApiKeys>;

/** The keys of projects. Only a hash of each is stored, so that whoever reads the store cannot use them. */
export function createApiKeys({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  async function create(project: string, uid: string, id: string, body: KeyCreate): Promise<KeyWithSecret> {
    const secret = newSecret(id);
    const createdAt = Date.now();
    const fields = { ...toFields(body, secret, createdAt), project, uid } satisfies ApiKeyHash;
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

  /**
   * Takes effect at once, on every replica. The hash is kept for a month, for the last 1,000 revoked keys of a project, so
   * that who still uses the key is told what happened to it.
   */
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
    });
  }

  return { create, get, list, revoke };
}

/** What is stored of a new key, but for its project. Throws `validation_failed`. */
function toFields(body: KeyCreate, secret: string, createdAt: number) {
  const expiresAt = toExpiry(body.expiresAt);
  return {
    hash: hashKey(secret).toString('base64'),
    name: body.name,
    scopes: body.scopes.join(' '),
    createdAt: String(createdAt),
    ...(expiresAt === null ? {} : { expiresAt: String(expiresAt) }),
  };
}

/** Epoch milliseconds, or null. Throws `validation_failed`. */
function toExpiry(given: string | null | undefined): number | null {
  if (!given) return null;
  const expiresAt = Date.parse(given);
  if (expiresAt > Date.now() && expiresAt <= lastExpiry) return expiresAt;
  // RFC 3339 also has times that a Date cannot hold: leap seconds, and some with an offset that are past the year
  // 9999 in UTC.
  throw invalidField('/expiresAt', 'must be in the future and before the year 10000, as 2030-12-31T23:59:59Z');
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
