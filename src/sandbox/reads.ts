import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis/keys.ts';
import { type IndexPage, type IndexPosition, readIndex } from '../resources/paging.ts';
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

const idsAtOnce = 500;
/** Those that wait may be tens of thousands, and none is in a hurry: in between, others have Redis. */
const waitingAtOnce = 100;
const breathMs = 10;

/** What is read of the records: by users what is their project's, by a host what it has to look at. */
export function createReads({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  /**
   * The resource as JSON, its place in the queue included, if it is the project's. Another project's is as unknown as one
   * that is not there.
   */
  async function readText(project: string, id: string): Promise<StoredText | null> {
    const reply = await redis.spRead(keys.sandbox(id), project, id);
    return reply && { id, text: reply[0], resourceVersion: reply[1], project };
  }

  async function read(project: string, id: string): Promise<Sandbox | null> {
    const found = await readText(project, id);
    return found && (JSON.parse(found.text) as Sandbox);
  }

  async function readMany(project: string, ids: readonly string[]): Promise<Sandbox[]> {
    const found = await Promise.all(ids.map((id) => read(project, id)));
    return found.filter((sandbox) => sandbox !== null);
  }

  /** The uid of the project that it was made in. */
  async function projectUid(id: string): Promise<string | null> {
    return await redis.hget(keys.sandbox(id), 'o');
  }

  /**
   * What it was at last, and the id of its end in the feed, for as long as its history is kept; null while it is there, and
   * of what never was.
   */
  async function readDeleted(project: string, id: string): Promise<{ sandbox: Sandbox; eventId: string } | null> {
    const [last] = await redis.xrevrange(keys.history(project, id), '+', '-', 'COUNT', 1);
    const [, , , text, , eventId] = last?.[1] ?? [];
    return text && eventId ? { sandbox: JSON.parse(text) as Sandbox, eventId } : null;
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

  /** The ids that a host has to look at, in pages: all but those that only wait for their first turn. */
  async function* idsToLookAt(host: string): AsyncGenerator<string[]> {
    yield* pages(keys.hostIndex(host));
    const waiting = keys.hostWaiting(host);
    yield await redis.zrange(waiting, '-inf', String(Date.now()), 'BYSCORE', 'LIMIT', '0', String(idsAtOnce));
  }

  /** The ids of those that wait for their first turn and have lost their place in their lane, in pages, empty ones too. */
  async function* idsWithoutPlace(host: string): AsyncGenerator<string[]> {
    let position: IndexPosition | null = null;
    do {
      if (position) await delay(breathMs);
      const { members: ids, next }: IndexPage = await readIndex(redis, keys.hostWaiting(host), waitingAtOnce, position);
      if (ids.length > 0) yield await redis.spNotInLane(ids.length, ...ids.map(keys.sandbox), ...ids);
      position = next;
    } while (position);
  }

  return { read, readText, readMany, readDeleted, projectUid, page, idsToLookAt, idsWithoutPlace };
}
