import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

/** scripts/read-sandbox.lua: null when it is not there or is another project's. */
export async function readSandbox(redis: Redis, given: { keys: { record: string }; project: string; id: string }) {
  return await redis.readSandbox(...scriptArguments([given.keys.record], [given.project, given.id]));
}

/** scripts/read-sandboxes.lua */
export async function readSandboxes(redis: Redis, { keys }: { keys: { records: readonly string[] } }) {
  return await redis.readSandboxes(...scriptArguments(keys.records));
}

/** scripts/not-in-lane.lua: the ids of those that are not in their lane. `ids` are those of `records`. */
export async function notInLane(
  redis: Redis,
  { keys, ids }: { keys: { records: readonly string[] }; ids: readonly string[] },
): Promise<string[]> {
  return await redis.notInLane(...scriptArguments(keys.records, ids));
}
