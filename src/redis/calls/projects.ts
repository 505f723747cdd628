import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

/** Fields of a hash and their values. */
type Fields = Readonly<Record<string, string>>;

/** scripts/create-project.lua: false when there is another of the name. `fields`: at least one. */
export async function createProject(
  redis: Redis,
  given: { keys: { project: string; projects: string }; name: string; uid: string; fields: Fields },
): Promise<boolean> {
  const { keys, name, uid, fields } = given;
  const values = [name, uid, ...Object.entries(fields).flat()];
  return (await redis.createProject(...scriptArguments([keys.project, keys.projects], values))) === 1;
}

/** scripts/update-hash.lua: false when somebody else has changed it. A field of '' is removed. */
export async function updateHash(
  redis: Redis,
  { keys, expectedVersion, fields }: { keys: { hash: string }; expectedVersion: string; fields: Fields },
): Promise<boolean> {
  const values = [expectedVersion, ...Object.entries(fields).flat()];
  return (await redis.updateHash(...scriptArguments([keys.hash], values))) === 1;
}

/** scripts/mark-project-deleting.lua: 1, 0 for another version, or how many sandboxes are in the way, negative. */
export async function markProjectDeleting(
  redis: Redis,
  given: {
    keys: { project: string; projectIndex: string; projectsDeleting: string };
    name: string;
    withSandboxes: boolean;
    expectedVersion: string;
  },
): Promise<number> {
  const { keys, name, withSandboxes, expectedVersion } = given;
  return await redis.markProjectDeleting(
    ...scriptArguments(
      [keys.project, keys.projectIndex, keys.projectsDeleting],
      [name, withSandboxes ? '1' : '0', expectedVersion],
    ),
  );
}

/** scripts/unlink-of-project.lua: false when that very project is gone. `own`: at least one key. */
export async function unlinkOfProject(
  redis: Redis,
  { keys, uid }: { keys: { project: string; own: readonly string[] }; uid: string },
): Promise<boolean> {
  return (await redis.unlinkOfProject(...scriptArguments([keys.project, ...keys.own], [uid]))) === 1;
}

/** scripts/forget-project.lua */
export async function forgetProject(
  redis: Redis,
  given: {
    keys: { project: string; projects: string; projectsDeleting: string; auditLog: string };
    uid: string;
    name: string;
    keepAuditSeconds: number;
    changesChannel: string;
  },
): Promise<void> {
  const { keys, uid, name, keepAuditSeconds, changesChannel } = given;
  await redis.forgetProject(
    ...scriptArguments(
      [keys.project, keys.projects, keys.projectsDeleting, keys.auditLog],
      [uid, name, keepAuditSeconds, changesChannel],
    ),
  );
}

/** scripts/add-to-project.lua: 1, 0 when there are too many, -1 when there is no such project, -2 when it is being deleted. */
export async function addToProject(
  redis: Redis,
  given: {
    keys: { project: string; hash: string; index: string };
    member: string;
    score: number;
    most: number;
    fields: Fields;
  },
): Promise<number> {
  const { keys, member, score, most, fields } = given;
  const values = [member, score, most, ...Object.entries(fields).flat()];
  return await redis.addToProject(...scriptArguments([keys.project, keys.hash, keys.index], values));
}

/** scripts/remove-from-project.lua: false when it has another version or is gone. */
export async function removeFromProject(
  redis: Redis,
  given: { keys: { hash: string; index: string }; member: string; expectedVersion: string },
): Promise<boolean> {
  const { keys, member, expectedVersion } = given;
  const removed = await redis.removeFromProject(...scriptArguments([keys.hash, keys.index], [member, expectedVersion]));
  return removed === 1;
}
