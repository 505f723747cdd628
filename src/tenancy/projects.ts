import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError, isAppError } from '../errors.ts';
import { createProject, updateHash } from '../redis/calls/projects.ts';
import { projectFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { checkMatch } from '../resources/etag.ts';
import { parseCursor, readIndex, toCursor } from '../resources/paging.ts';
import {
  type Project,
  type ProjectCreate,
  type ProjectPatch,
  projectNamePattern,
  type Quotas,
  quotaNames,
} from '../schemas/project.ts';
import type { Principal } from './principal.ts';
import { quotaExceeded } from './quotas.ts';

export const defaultProject = 'default';

const nameRule = new RegExp(projectNamePattern);

export type Projects = ReturnType<typeof createProjects>;

/**
 * The tenants. A project is a hash: what it is, what it uses, and those of its limits that are not the service's
 * defaults.
 */
export function createProjects({ redis, keys, defaults }: { redis: Redis; keys: RedisKeys; defaults: Quotas }) {
  /** Creating it again with the same uid changes nothing. Throws `project_exists`. */
  async function create(body: ProjectCreate, uid: string = randomUUID()): Promise<Project> {
    const { name, quotas = {} } = body;
    const fields = fieldsOf(quotas).filter(([, value]) => value !== '');
    const created = await createProject(redis, {
      keys: { project: keys.project(name), projects: keys.projects },
      name,
      uid,
      fields: { [projectFields.name]: name, ...Object.fromEntries(fields) },
    });
    if (!created) throw new AppError('project_exists', `There is a project ${name} already. Choose another name.`);
    return await get(name);
  }

  async function find(name: string): Promise<Project | null> {
    const fields = await redis.hgetall(keys.project(name));
    return fields.uid ? toProject(name, fields, defaults) : null;
  }

  async function get(name: string): Promise<Project> {
    const project = await find(name);
    if (!project) throw noProject(name);
    return project;
  }

  /** All projects for the admin key, by pages; for everybody else their own one. */
  async function listVisible(principal: Principal, query: { limit: number; cursor?: string }) {
    if (principal.kind !== 'admin') return { items: [await get(principal.project)], nextCursor: null };
    const page = await readIndex(redis, keys.projects, query.limit, parseCursor(query.cursor));
    const found = await Promise.all(page.members.map(find));
    return { items: found.filter((project) => project !== null), nextCursor: toCursor(page.next) };
  }

  async function patch(name: string, body: ProjectPatch, ifMatch?: string): Promise<Project> {
    for (;;) {
      const before = await get(name);
      checkMatch(before.resourceVersion, ifMatch);
      const isWritten = await updateHash(redis, {
        keys: { hash: keys.project(name) },
        expectedVersion: before.resourceVersion,
        fields: Object.fromEntries(fieldsOf(body.quotas ?? {})),
      });
      if (isWritten) return await get(name);
    }
  }

  /** The uid of a project; null when there is none of that name. */
  async function uidOf(name: string): Promise<string | null> {
    // The name may come from a header, which no schema has validated.
    if (!nameRule.test(name)) return null;
    return await redis.hget(keys.project(name), 'uid');
  }

  return { create, get, find, listVisible, patch, uidOf };
}

/** Called at the start of the service, so that it is useful to one user without any administration. */
export async function ensureDefaultProject(projects: Projects): Promise<void> {
  await projects.create({ name: defaultProject }).catch((error: unknown) => {
    if (!isAppError(error, 'project_exists')) throw error;
  });
}

function toProject(name: string, fields: Record<string, string>, defaults: Quotas): Project {
  const own = quotaNames.map((quota) => {
    const text = fields[projectFields.quota(quota)];
    return [quota, text === undefined ? defaults[quota] : Number(text)] as const;
  });
  const used = (counter: string) => Number(fields[projectFields.used(counter)] ?? 0);
  return {
    name,
    uid: fields.uid ?? '',
    state: fields.state as Project['state'],
    quotas: Object.fromEntries(own.map(([quota, value]) => [quota, value === -1 ? null : value])) as Quotas,
    used: {
      sandboxes: used('sandboxes'),
      awake: used('awake'),
      memoryMiB: used('memoryMiB'),
      diskMiB: used('diskMiB'),
    },
    resourceVersion: fields.v ?? '1',
    createdAt: new Date(Number(fields.createdAt)).toISOString(),
  };
}

/** Fields of the hash; '' stands for the service's default, and -1 for no limit. */
function fieldsOf(quotas: Partial<Record<keyof Quotas, number | null>>): [string, string][] {
  return Object.entries(quotas).map(([name, value]) => {
    if (name === 'maxTtlSeconds') return [projectFields.quota(name), String(value ?? -1)];
    return [projectFields.quota(name), value === null ? '' : String(value)];
  });
}

/** Throws what `addToProject` was refused for. */
export function checkAdded(outcome: number, project: string, limit: { name: string; value: number }): void {
  if (outcome === -1) throw noProject(project);
  if (outcome === -2) throw projectDeleting(project);
  if (outcome === 0) throw quotaExceeded(project, { ...limit, used: limit.value });
}

export function projectDeleting(name: string): AppError {
  return new AppError('project_deleting', `The project ${name} is being deleted: it takes nothing new.`);
}

/** `pointer` says where the request names it. */
export function noProject(name: string, pointer?: string): AppError {
  const detail = `There is no project ${name}.`;
  return new AppError('not_found', detail, pointer ? { faults: [{ pointer, detail }] } : {});
}
