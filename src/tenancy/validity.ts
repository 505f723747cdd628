import type { Redis } from 'ioredis';
import type { Changes } from '../changes.ts';
import type { RedisKeys } from '../redis-keys.ts';
import type { Principal } from './principal.ts';

const longestTimerMs = 2 ** 31 - 1;
/** A message may be lost while Redis is away. */
const lookAgainMs = 15_000;

export type Validity = ReturnType<typeof createValidity>;

/** Tells when a principal is no longer who may go on: what has begun, as a watch, ends with the key that began it. */
export function createValidity({ redis, keys, changes }: { redis: Redis; keys: RedisKeys; changes: Changes }) {
  /** Calls `onEnd` once at the revocation of the key or at its expiry. Returns how to stop. */
  return function untilInvalid({ keyId, expiresAt }: Principal, onEnd: () => void): () => void {
    const left = expiresAt === null ? Number.POSITIVE_INFINITY : Math.max(0, expiresAt - Date.now());
    // No connection lasts for longer than a timer can.
    const expiry = left < longestTimerMs ? setTimeout(onEnd, left).unref() : undefined;
    if (keyId === null) return () => clearTimeout(expiry);
    const look = async () => {
      const [hash, revokedAt] = await redis
        .hmget(keys.apiKey(keyId), 'hash', 'revokedAt')
        .catch(() => ['unknown', null]);
      if (!hash || revokedAt) onEnd();
    };
    const unlisten = changes.on(`key:${keyId}`, look);
    const looks = setInterval(look, lookAgainMs).unref();
    return () => {
      clearTimeout(expiry);
      clearInterval(looks);
      unlisten();
    };
  };
}
