import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { forgetProject, markProjectDeleting, unlinkOfProject } from '../redis/calls/projects.ts';
import { projectFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { checkMatch } from '../resources/etag.ts';
import type { IndexPage, IndexPosition } from '../resources/paging.ts';
import { defaultProject, noProject } from '../tenancy/projects.ts';
import type { Deletion } from './deletion.ts';
import type { Store } from './store.ts';

const pageSize = 200;
const keepAuditSeconds = 90 * 24 * 3600;

interface RemovalParts {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly store: Store;
  readonly deletion: Deletion;
}

export type ProjectRemoval = ReturnType<typeof createProjectRemoval>['remove'];

/**
 * Deletes a project with all that is its own. It is marked first, so that nothing is added any more; the mark itself goes
 * last. When a deletion is cut off in between, the sweep of any host goes on with it; several at once do no harm. Each step
 * is bound to the uid of the project, so that a late one does nothing to a later project of the same name.
 */
export function createProjectRemoval(parts: RemovalParts) {
  const { redis, keys } = parts;
  return {
    /**
     * True when the project has been deleted, false when its sandboxes are still being deleted. Throws `project_not_empty`
     * when it has any and is not asked to delete them too, `project_protected` for the default project,
     * `precondition_failed` and `not_found`.
     */
    async remove(
      name: string,
      { withSandboxes, ifMatch }: { withSandboxes: boolean; ifMatch?: string | undefined },
    ): Promise<boolean> {
      if (name === defaultProject) {
        throw new AppError('project_protected', `The project ${name} is the one that is always there.`);
      }
      await mark(parts, name, withSandboxes, ifMatch);
      return await advance(parts, name);
    },

    /** Goes on with all deletions that were cut off, or had to wait for their sandboxes. */
    async advanceAll(): Promise<void> {
      for (const name of await redis.smembers(keys.projectsDeleting)) await advance(parts, name);
    },
  };
}

async function mark({ redis, keys }: RemovalParts, name: string, withSandboxes: boolean, ifMatch: string | undefined) {
  const { projectsDeleting } = keys;
  for (;;) {
    const version = await redis.hget(keys.project(name), projectFields.version);
    if (version === null) throw noProject(name);
    checkMatch(version, ifMatch);
    const outcome = await markProjectDeleting(redis, {
      keys: { project: keys.project(name), projectIndex: keys.projectIndex(name), projectsDeleting },
      name,
      withSandboxes,
      expectedVersion: version,
    });
    if (outcome < 0) throw notEmpty(name, -outcome);
    if (outcome === 1) return;
  }
}

/** Has the sandboxes deleted; once there are none, removes the rest. True when the project has been deleted. */
async function advance(parts: RemovalParts, name: string): Promise<boolean> {
  const { project } = parts.keys;
  const [uid, state] = await parts.redis.hmget(project(name), projectFields.uid, projectFields.state);
  if (!uid || state !== 'deleting') return true;
  if ((await deleteSandboxes(parts, name, uid)) > 0) return false;
  await removeRest(parts, name, uid);
  return true;
}

/** Returns how many there still are. */
async function deleteSandboxes({ store, deletion }: RemovalParts, name: string, uid: string): Promise<number> {
  const why = { reason: 'ProjectDeleted', message: `the project ${name} is being deleted` };
  let found = 0;
  let next: IndexPosition | null = null;
  do {
    const page: IndexPage = await store.page(name, pageSize, next);
    for (const id of page.members) {
      if ((await store.projectUid(id)) !== uid) continue;
      found += 1;
      await deletion.request(id, why);
    }
    next = page.next;
  } while (next);
  return found;
}

async function removeRest({ redis, keys }: RemovalParts, name: string, uid: string): Promise<void> {
  const project = keys.project(name);
  const unlink = async (own: readonly string[]) =>
    own.length === 0 || (await unlinkOfProject(redis, { keys: { project, own }, uid }));

  for (const index of [keys.apiKeys(name), keys.revokedKeys(name)]) {
    const ids = await redis.zrange(index, '0', '-1');
    if (!(await unlink(ids.map(keys.apiKey)))) return;
    for (const id of ids) await redis.publish(keys.changes, `key:${id}`);
  }
  const own = redis.scanStream({ match: `${project}:*`, count: 1000 });
  for await (const found of own as AsyncIterable<string[]>) if (!(await unlink(found))) return;
  const { projects, projectsDeleting } = keys;
  await forgetProject(redis, {
    keys: { project, projects, projectsDeleting, auditLog: keys.audit(uid) },
    uid,
    name,
    keepAuditSeconds,
    changesChannel: keys.changes,
  });
}

function notEmpty(name: string, count: number): AppError {
  const detail = `The project ${name} has ${count} sandboxes. Delete them first, or take them along with ?sandboxes=delete.`;
  return new AppError('project_not_empty', detail, { faults: [{ pointer: '#query/sandboxes', detail }] });
}
