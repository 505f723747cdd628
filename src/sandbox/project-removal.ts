import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { forgetProject, markProjectDeleting, unlinkOfProject } from '../redis/calls/projects.ts';
import { projectFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { checkMatch } from '../resources/etag.ts';
import { defaultProject, noProject } from '../tenancy/projects.ts';
import type { Deletion } from './deletion.ts';
import type { Store } from './store.ts';

const pageSize = 200;
const keepAuditSeconds = 90 * 24 * 3600;

export type ProjectRemoval = ReturnType<typeof createProjectRemoval>['remove'];

/**
 * Deletion of a project with all that is its own. Marked first, so that nothing is added any more; the mark itself goes
 * last. Cut off in between, it is taken up again by the sweep of any host; several at once do no harm. What one does late
 * does nothing to a later project of the same name: each step is bound to the uid.
 */
export function createProjectRemoval(options: { redis: Redis; keys: RedisKeys; store: Store; deletion: Deletion }) {
  const { redis, keys, store, deletion } = options;

  /**
   * True when it is gone, false when its sandboxes are still being deleted. Throws `project_not_empty` when it has any and
   * is not asked to take them along, `project_protected` for the default project, `precondition_failed` and `not_found`.
   */
  async function remove(
    name: string,
    { withSandboxes, ifMatch }: { withSandboxes: boolean; ifMatch?: string | undefined },
  ): Promise<boolean> {
    if (name === defaultProject) {
      throw new AppError('project_protected', `The project ${name} is the one that is always there.`);
    }
    for (;;) {
      const version = await redis.hget(keys.project(name), projectFields.version);
      if (version === null) throw noProject(name);
      checkMatch(version, ifMatch);
      const outcome = await markProjectDeleting(redis, {
        keys: {
          project: keys.project(name),
          projectIndex: keys.projectIndex(name),
          projectsDeleting: keys.projectsDeleting,
        },
        name,
        withSandboxes,
        expectedVersion: version,
      });
      if (outcome < 0) throw notEmpty(name, -outcome);
      if (outcome === 1) return await advance(name);
    }
  }

  /** Has the sandboxes deleted; once there are none, removes the rest. True when the project is gone. */
  async function advance(name: string): Promise<boolean> {
    const [uid, state] = await redis.hmget(keys.project(name), projectFields.uid, projectFields.state);
    if (!uid || state !== 'deleting') return true;
    if ((await deleteSandboxes(name, uid)) > 0) return false;
    await removeRest(name, uid);
    return true;
  }

  /** Returns how many there still are. */
  async function deleteSandboxes(name: string, uid: string): Promise<number> {
    const why = { reason: 'ProjectDeleted', message: `the project ${name} is being deleted` };
    let found = 0;
    let next: Awaited<ReturnType<Store['page']>>['next'] = null;
    do {
      const page = await store.page(name, pageSize, next);
      for (const id of page.members) {
        if ((await store.projectUid(id)) !== uid) continue;
        found += 1;
        await deletion.request(id, why);
      }
      next = page.next;
    } while (next);
    return found;
  }

  async function removeRest(name: string, uid: string): Promise<void> {
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
    await forgetProject(redis, {
      keys: {
        project,
        projects: keys.projects,
        projectsDeleting: keys.projectsDeleting,
        auditLog: keys.audit(uid),
      },
      uid,
      name,
      keepAuditSeconds,
      changesChannel: keys.changes,
    });
  }

  /** Takes up what was cut off, or waits for sandboxes to be gone. */
  async function advanceAll(): Promise<void> {
    for (const name of await redis.smembers(keys.projectsDeleting)) await advance(name);
  }

  return { remove, advanceAll };
}

function notEmpty(name: string, count: number): AppError {
  const detail = `The project ${name} has ${count} sandboxes. Delete them first, or take them along with ?sandboxes=delete.`;
  return new AppError('project_not_empty', detail, { faults: [{ pointer: '#query/sandboxes', detail }] });
}
