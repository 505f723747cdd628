import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sandbox } from '../schemas/sandbox.ts';

/** What every write of a record needs. */
export interface StoreWrite {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  /** How many changes of a project its event log keeps. */
  readonly maxEvents: number;
}

/** The keys that a write of a record changes together: the record, what counts it, and what tells of the change. */
export function writtenKeys(keys: RedisKeys, { id, project, status }: Sandbox) {
  return {
    record: keys.sandbox(id),
    project: keys.project(project),
    projectIndex: keys.projectIndex(project),
    unstarted: keys.unstarted(status.runtime),
    eventLog: keys.eventLog(project),
    history: keys.history(project, id),
    usageNow: keys.usageNow(project),
    outbox: keys.outbox,
    webhooks: keys.webhooks(project),
  };
}

/** The arguments that all scripts which write a record have in common. */
export function writtenValues({ keys, maxEvents }: StoreWrite, sandbox: Sandbox) {
  const { id, project } = sandbox;
  return {
    id,
    project,
    resource: JSON.stringify(sandbox),
    dayPrefix: keys.usageOfDay(project, ''),
    changesChannel: keys.changes,
    maxEvents,
  };
}

/** The sandbox as its next version, changed now. */
export function nextVersion(sandbox: Sandbox): Sandbox {
  const resourceVersion = String(Number(sandbox.resourceVersion) + 1);
  return { ...sandbox, resourceVersion, updatedAt: new Date().toISOString() };
}
