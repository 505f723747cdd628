import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type HistoryRow, recordFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { type IndexPage, type IndexPosition, readIndex } from '../resources/paging.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import { beginning, eventStreamInfo } from './event-stream.ts';

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

const idsAtOnce = 500;
/** Those that wait may be tens of thousands, and none is in a hurry: in between, others have Redis. */
const waitingAtOnce = 100;
const breathMs = 10;

/** What is read of the records: by users what is their project's, by a host what it has to look at. */
export function createReads({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  /** The resource as JSON, if it is the project's. Another project's is as unknown as one that is not there. */
  async function readText(project: string, id: string): Promise<StoredText | null> {
    const [owner, text, resourceVersion] = await redis.hmget(
      keys.sandbox(id),
      recordFields.project,
      recordFields.resource,
      recordFields.version,
    );
    return owner === project && text && resourceVersion ? { id, text, resourceVersion, project } : null;
  }

  async function read(project: string, id: string): Promise<Sandbox | null> {
    const found = await readText(project, id);
    return found && (JSON.parse(found.text) as Sandbox);
  }

  async function readMany(project: string, ids: readonly string[]): Promise<Sandbox[]> {
    const found = await Promise.all(ids.map((id) => read(project, id)));
    return found.filter((sandbox) => sandbox !== null);
  }

  /** The project of a sandbox; null when there is no such sandbox. */
  async function projectOf(id: string): Promise<string | null> {
    return await redis.hget(keys.sandbox(id), recordFields.project);
  }

  /** The uid of the project that it was made in. */
  async function projectUid(id: string): Promise<string | null> {
    return await redis.hget(keys.sandbox(id), recordFields.projectUid);
  }

  /**
   * What it was at last, and the id of its end in the feed, for as long as its history is kept; null while it is there, and
   * of what never was.
   */
  async function readDeleted(project: string, id: string): Promise<{ sandbox: Sandbox; eventId: string } | null> {
    const [last] = await redis.xrevrange(keys.history(project, id), '+', '-', 'COUNT', 1);
    const [, , , text, , eventId] = (last?.[1] ?? []) as HistoryRow;
    return text && eventId ? { sandbox: JSON.parse(text) as Sandbox, eventId } : null;
  }

  /** The position of the project's newest event: a watch that begins there misses nothing that comes after. */
  async function lastEventId(project: string): Promise<string> {
    return (await eventStreamInfo(redis, keys.feed(project)))?.lastId ?? beginning;
  }

  /** A page of a project's ids, newest first. */
  async function page(project: string, limit: number, after: IndexPosition | null) {
    return await readIndex(redis, keys.projectIndex(project), limit, after);
  }

  async function* pages(index: string): AsyncGenerator<string[]> {
    for (let start = 0; ; start += idsAtOnce) {
      const ids = await redis.zrange(index, String(start), String(start + idsAtOnce - 1));
      if (ids.length > 0) yield ids;
      if (ids.length < idsAtOnce) return;
    }
  }

  /** The ids of the sandboxes that a host has taken, in pages. */
  async function* idsOfHost(host: string): AsyncGenerator<string[]> {
    yield* pages(keys.hostIndex(host));
  }

  /** The ids of those of a runtime that have not started yet and need a check now: they are to be deleted, or have expired. */
  async function dueUnstarted(runtime: string): Promise<string[]> {
    const index = keys.unstarted(runtime);
    return await redis.zrange(index, '-inf', String(Date.now()), 'BYSCORE', 'LIMIT', '0', String(idsAtOnce));
  }

  /** The ids of all of a runtime that have not started yet, in pages. */
  async function* idsUnstarted(runtime: string): AsyncGenerator<string[]> {
    let position: IndexPosition | null = null;
    do {
      if (position) await delay(breathMs);
      const { members, next }: IndexPage = await readIndex(redis, keys.unstarted(runtime), waitingAtOnce, position);
      if (members.length > 0) yield members;
      position = next;
    } while (position);
  }

  return {
    read,
    readText,
    readMany,
    readDeleted,
    lastEventId,
    projectOf,
    projectUid,
    page,
    idsOfHost,
    dueUnstarted,
    idsUnstarted,
  };
}
