import { timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { invalidField } from '../errors.ts';
import { noteKeyUse } from '../redis/calls/api-keys.ts';
import type { ApiKeyHash } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Scope } from '../schemas/key.ts';
import { hashKey, parseKey, unacceptable } from './key-format.ts';
import type { Principal } from './principal.ts';

const noteUseEveryMs = 60_000;
/** By name, so that the store is asked, and answers, as many for a key that it does not have. */
const fieldNames = ['hash', 'project', 'uid', 'name', 'scopes', 'expiresAt', 'usedAt', 'revokedAt'] as const;
/** Stands for the hash of an unknown key; no key that anybody could find has it. */
const noHash = Buffer.alloc(32).toString('base64');

type StoredFields = Partial<Pick<ApiKeyHash, (typeof fieldNames)[number]>>;

export type AuthenticateKey = ReturnType<typeof createKeyAuthenticator>;

/** Authenticates the keys of projects. The store is asked each time, so that a revoked key is refused at once. */
export function createKeyAuthenticator({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  /** Notes when a key was last used, at most once a minute. */
  function noteUse(id: string, usedAt: string | undefined): void {
    const now = Date.now();
    if (now - Number(usedAt ?? 0) < noteUseEveryMs) return;
    // Not worth failing the request: the next one notes it.
    noteKeyUse(redis, { keys: { apiKey: keys.apiKey(id) }, nowMs: now }).catch(() => undefined);
  }

  /**
   * A key that is unknown and one with a wrong secret get the same answer by the same steps, so that the time tells as
   * little as can be of which ids there are. Throws `unauthenticated`, `key_malformed`, `key_checksum_mismatch`,
   * `key_expired`, `key_revoked`.
   */
  return async function authenticateKey(key: string): Promise<Principal> {
    const id = parseKey(key);
    const found = await redis.hmget(keys.apiKey(id), ...fieldNames);
    const fields: StoredFields = Object.fromEntries(fieldNames.map((name, i) => [name, found[i] ?? undefined]));
    const principal = toPrincipal(id, hashKey(key), fields);
    noteUse(id, fields.usedAt);
    return principal;
  };
}

/** The principal of a stored key; `hash` is that of the key that was sent. */
function toPrincipal(id: string, hash: Buffer, fields: StoredFields): Principal {
  if (!timingSafeEqual(Buffer.from(fields.hash ?? noHash, 'base64'), hash)) {
    throw invalidField('#header/authorization', 'This key is not known here.', 'unauthenticated');
  }
  const { revokedAt } = fields;
  if (revokedAt) throw unacceptable('key_revoked', `was revoked at ${isoTime(Number(revokedAt))}; ask for another`);
  const expiresAt = fields.expiresAt ? Number(fields.expiresAt) : null;
  if (expiresAt !== null && expiresAt <= Date.now()) {
    throw unacceptable('key_expired', `expired at ${isoTime(expiresAt)}; ask for another`);
  }
  return {
    kind: 'key',
    subject: `key:${id}`,
    name: fields.name ?? '',
    project: fields.project ?? '',
    projectUid: fields.uid ?? '',
    scopes: (fields.scopes ?? '').split(' ') as Scope[],
    expiresAt,
    key: { id, hash: hash.toString('base64') },
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
