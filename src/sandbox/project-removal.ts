import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisKeys } from '../redis-keys.ts';
import { noProject } from '../tenancy/projects.ts';
import type { Lanes } from './lanes.ts';
import { toDeleting } from './record.ts';
import type { Store } from './store.ts';

const pageSize = 200;
const keepAuditSeconds = 90 * 24 * 3600;

export type ProjectRemoval = ReturnType<typeof createProjectRemoval>['remove'];

/**
 * Deletion of a project with all that is its own. Marked first, so that nothing is added any more; the mark itself goes
 * last. Cut off in between, it is taken up again by the sweep of any host.
 */
export function createProjectRemoval(options: { redis: Redis; keys: RedisKeys; store: Store; lanes: Lanes }) {
  const { redis, keys, store, lanes } = options;

  /**
   * True when it is gone, false when its sandboxes are still being deleted. Throws `project_not_empty` when it has any and
   * is not asked to take them along, and `not_found`.
   */
  async function remove(name: string, { withSandboxes }: { withSandboxes: boolean }): Promise<boolean> {
    const take = withSandboxes ? '1' : '0';
    const count = await redis.spMarkDeleting(
      keys.project(name),
      keys.projectIndex(name),
      keys.projectsDeleting,
      name,
      take,
    );
    if (count === -1) throw noProject(name);
    if (count > 0 && !withSandboxes) {
      const detail = `The project ${name} has ${count} sandboxes. Delete them first, or take them along with ?sandboxes=delete.`;
      throw new AppError('project_not_empty', detail);
    }
    return await advance(name);
  }

  /** Has the sandboxes deleted; once there are none, removes the rest. */
  async function advance(name: string): Promise<boolean> {
    const why = { reason: 'ProjectDeleted', message: `the project ${name} is being deleted` };
    let found = 0;
    let next: Awaited<ReturnType<Store['page']>>['next'] = null;
    do {
      const page = await store.page(name, pageSize, next);
      for (const id of page.members) {
        const updated = await store.update(id, (now) => (now.desired === 'deleted' ? null : toDeleting(now)), { why });
        if (updated) await lanes.enqueue(updated.sandbox.status.host, 'changes', name, id);
      }
      found += page.members.length;
      next = page.next;
    } while (next);
    if (found > 0) return false;
    await removeRest(name);
    return true;
  }

  async function removeRest(name: string): Promise<void> {
    for (const id of await redis.zrange(keys.apiKeys(name), '0', '-1')) {
      await redis.del(keys.apiKey(id));
      await redis.publish(keys.changes, `key:${id}`);
    }
    const own = redis.scanStream({ match: `${keys.project(name)}:*`, count: 1000 });
    for await (const found of own as AsyncIterable<string[]>) if (found.length > 0) await redis.unlink(...found);
    const uid = await redis.hget(keys.project(name), 'uid');
    await redis
      .multi()
      .expire(keys.audit(uid ?? ''), keepAuditSeconds)
      .del(keys.project(name))
      .zrem(keys.projects, name)
      .srem(keys.projectsDeleting, name)
      .exec();
  }

  /** Takes up what was cut off, or waits for sandboxes to be gone. */
  async function advanceAll(): Promise<void> {
    for (const name of await redis.smembers(keys.projectsDeleting)) await advance(name);
  }

  return { remove, advanceAll };
}
