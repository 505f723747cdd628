import type { Redis } from 'ioredis';
import { coalesce } from '../coalesce.ts';
import type { Changes } from '../redis/changes.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Principal } from './principal.ts';

const longestTimerMs = 2 ** 31 - 1;
/** A message may be lost while Redis is away. */
const lookAgainMs = 15_000;

export type Validity = ReturnType<typeof createValidity>;

/**
 * Tells when a principal is no longer who may go on: what has begun, as a watch, ends with the key that began it, and with
 * the project.
 */
export function createValidity({ redis, keys, changes }: { redis: Redis; keys: RedisKeys; changes: Changes }) {
  // Of those who watch, many have the same key, and all look when messages may have been lost.
  const uidOf = coalesce((project) => redis.hget(keys.project(project), 'uid'));
  const keyOf = coalesce((keyId) => redis.hmget(keys.apiKey(keyId), 'hash', 'revokedAt'));

  async function isValid({ key, project, projectUid }: Principal): Promise<boolean> {
    if ((await uidOf(project)) !== projectUid) return false;
    if (key === null) return true;
    const [hash, revokedAt] = await keyOf(key.id);
    return Boolean(hash) && !revokedAt;
  }

  /** Calls `onEnd` at the revocation of the key, at its expiry, and when the project is gone. Returns how to stop. */
  return function untilInvalid(principal: Principal, onEnd: () => void): () => void {
    const { key, projectUid, expiresAt } = principal;
    const left = expiresAt === null ? Number.POSITIVE_INFINITY : Math.max(0, expiresAt - Date.now());
    // No connection lasts for longer than a timer can.
    const expiry = left < longestTimerMs ? setTimeout(onEnd, left).unref() : undefined;
    const look = () =>
      isValid(principal).then(
        (valid) => valid || onEnd(),
        // A store that does not answer says nothing about it.
        () => undefined,
      );
    const topics = [`project:${projectUid}`, ...(key === null ? [] : [`key:${key.id}`])];
    const stops = topics.map((topic) => changes.on(topic, look));
    // It may have ended between its proof and here.
    look();
    const looks = setInterval(look, lookAgainMs).unref();
    return () => {
      clearTimeout(expiry);
      clearInterval(looks);
      for (const stop of stops) stop();
    };
  };
}
