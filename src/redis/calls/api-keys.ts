import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

/** scripts/revoke-key.lua */
export async function revokeKey(
  redis: Redis,
  given: {
    keys: { apiKey: string; projectKeys: string; revokedKeys: string; keyPrefix: string };
    id: string;
    nowMs: number;
    keepSeconds: number;
    most: number;
    changesChannel: string;
  },
): Promise<void> {
  const { keys, id, nowMs, keepSeconds, most, changesChannel } = given;
  await redis.revokeKey(
    ...scriptArguments(
      [keys.apiKey, keys.projectKeys, keys.revokedKeys, keys.keyPrefix],
      [id, nowMs, keepSeconds, most, changesChannel],
    ),
  );
}

/** scripts/note-key-use.lua */
export async function noteKeyUse(
  redis: Redis,
  { keys, nowMs }: { keys: { apiKey: string }; nowMs: number },
): Promise<void> {
  await redis.noteKeyUse(...scriptArguments([keys.apiKey], [nowMs]));
}
