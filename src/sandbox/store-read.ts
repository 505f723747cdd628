import type { Redis } from 'ioredis';
import { historyRow, recordFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { lastEventId } from '../redis/streams.ts';
import { type IndexPosition, readIndex } from '../resources/paging.ts';
import type { Sandbox } from '../schemas/sandbox.ts';

/** A resource as the JSON that users get. */
export interface StoredText {
  readonly id: string;
  readonly text: string;
  readonly resourceVersion: string;
  readonly project: string;
}

/** A resource that was changed on its way to the user. */
export function toText(sandbox: Sandbox): StoredText {
  const { id, resourceVersion, project } = sandbox;
  return { id, text: JSON.stringify(sandbox), resourceVersion, project };
}

/** What users read of the sandboxes of a project. */
export function createReads({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  /** The resource as JSON, if it is the project's. Another project's is as unknown as one that is not there. */
  async function readText(project: string, id: string): Promise<StoredText | null> {
    const fields = [recordFields.project, recordFields.resource, recordFields.version];
    const [owner, text, resourceVersion] = await redis.hmget(keys.sandbox(id), ...fields);
    return owner === project && text && resourceVersion ? { id, text, resourceVersion, project } : null;
  }

  async function read(project: string, id: string): Promise<Sandbox | null> {
    const found = await readText(project, id);
    return found && (JSON.parse(found.text) as Sandbox);
  }

  return {
    readText,
    read,
    async readMany(project: string, ids: readonly string[]): Promise<Sandbox[]> {
      const found = await Promise.all(ids.map((id) => read(project, id)));
      return found.filter((sandbox) => sandbox !== null);
    },
    /**
     * A sandbox that was deleted, as it was at last, and the id of its last event in the event log, for as long as its
     * history is kept. Null while it exists, and when it never did.
     */
    async readDeleted(project: string, id: string): Promise<{ sandbox: Sandbox; eventId: string } | null> {
      const row = await redis.lindex(keys.history(project, id), -1);
      const [, eventId, text] = historyRow.last.exec(row ?? '') ?? [];
      return text && eventId ? { sandbox: JSON.parse(text) as Sandbox, eventId } : null;
    },
    /** The position of the project's newest event: a watch that begins there misses nothing that comes after. */
    async lastEventId(project: string): Promise<string> {
      return await lastEventId(redis, keys.eventLog(project));
    },
    /** A page of a project's ids, newest first. */
    async page(project: string, limit: number, after: IndexPosition | null) {
      return await readIndex(redis, keys.projectIndex(project), limit, after);
    },
  };
}
