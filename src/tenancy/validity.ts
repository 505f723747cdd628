import type { Redis } from 'ioredis';
import type { Changes } from '../redis/changes.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Principal } from './principal.ts';

const longestTimerMs = 2 ** 31 - 1;
/** A notification may be lost while Redis is away, so validity is also checked this often. */
const checkAgainMs = 15_000;

export type Validity = ReturnType<typeof createValidity>;

/**
 * Tells when a principal stops being valid: a call that goes on, such as a watch, ends with the key that began it and with
 * its project.
 */
export function createValidity({ redis, keys, changes }: { redis: Redis; keys: RedisKeys; changes: Changes }) {
  async function isValid({ key, project, projectUid }: Principal): Promise<boolean> {
    if ((await redis.hget(keys.project(project), 'uid')) !== projectUid) return false;
    if (key === null) return true;
    const [hash, revokedAt] = await redis.hmget(keys.apiKey(key.id), 'hash', 'revokedAt');
    return Boolean(hash) && !revokedAt;
  }

  /**
   * Calls `onEnd` when the key is revoked or expires, and when the project is deleted; it may be called more than once.
   * Returns a function that stops this.
   */
  return function untilInvalid(principal: Principal, onEnd: () => void): () => void {
    const { key, projectUid, expiresAt } = principal;
    const leftMs = expiresAt === null ? Number.POSITIVE_INFINITY : Math.max(0, expiresAt - Date.now());
    // A longer timer would fire at once; no connection lasts that long.
    const expiry = leftMs < longestTimerMs ? setTimeout(onEnd, leftMs).unref() : undefined;
    const check = () =>
      isValid(principal).then(
        (valid) => valid || onEnd(),
        // A store that does not answer says nothing about the key: the next check will.
        () => undefined,
      );
    const topics = [`project:${projectUid}`, ...(key === null ? [] : [`key:${key.id}`])];
    const stops = topics.map((topic) => changes.on(topic, check));
    // The key may have been revoked between its authentication and here.
    check();
    const checks = setInterval(check, checkAgainMs).unref();
    return () => {
      clearTimeout(expiry);
      clearInterval(checks);
      for (const stop of stops) stop();
    };
  };
}
