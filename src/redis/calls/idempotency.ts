import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

interface EntryKeys {
  readonly entry: string;
  readonly entries: string;
}

/** scripts/begin-idempotent-request.lua: 'yours' comes with the seed, 'answered' with the sealed answer. */
export async function beginIdempotentRequest(
  redis: Redis,
  given: {
    keys: EntryKeys;
    fingerprint: string;
    newSeed: string;
    owner: string;
    keepSeconds: number;
    silentMs: number;
    most: number;
  },
) {
  const { keys, fingerprint, newSeed, owner, keepSeconds, silentMs, most } = given;
  return await redis.beginIdempotentRequest(
    ...scriptArguments([keys.entry, keys.entries], [fingerprint, newSeed, owner, keepSeconds, silentMs, most]),
  );
}

/** scripts/end-idempotent-request.lua. `answer`, sealed, comes with 'answer'. */
export async function endIdempotentRequest(
  redis: Redis,
  given: { keys: EntryKeys; owner: string; how: 'beat' | 'answer' | 'release' | 'forget'; answer?: string },
): Promise<void> {
  const { keys, owner, how, answer = '' } = given;
  await redis.endIdempotentRequest(...scriptArguments([keys.entry, keys.entries], [owner, how, answer]));
}
