import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

/** scripts/next-priority.lua */
export async function nextPriority(
  redis: Redis,
  given: { keys: { fairness: string }; project: string; lowest: number },
): Promise<number> {
  return await redis.nextPriority(...scriptArguments([given.keys.fairness], [given.project, given.lowest]));
}

/** scripts/note-taken.lua */
export async function noteTaken(
  redis: Redis,
  given: { keys: { fairness: string }; project: string; priority: number; waiting: number; high: number },
): Promise<void> {
  const { keys, project, priority, waiting, high } = given;
  await redis.noteTaken(...scriptArguments([keys.fairness], [project, priority, waiting, high]));
}
