import type { Redis } from 'ioredis';
import { projectFields } from '../redis/fields.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { beginning, eventStreamInfo, lastEventId } from '../redis/streams.ts';
import { compareIds, type LogEvent, toEvent } from './event.ts';

const readAtOnce = 200;

export type EventLog = ReturnType<typeof openEventLog>;

/** The event log of a project, a Redis stream. */
export function openEventLog({ redis, keys, project }: { redis: Redis; keys: RedisKeys; project: string }) {
  const stream = keys.eventLog(project);
  return {
    lastId: () => lastEventId(redis, stream),

    /** The next events after `position`, up to 200. */
    async read(position: string): Promise<LogEvent[]> {
      const rows = await redis.xrange(stream, `(${position}`, '+', 'COUNT', readAtOnce);
      return rows.map(([id, fields]) => toEvent(id, fields));
    },

    /** Whether events after `position` may be lost: the log no longer goes back that far, or was another project's. */
    async isExpired(position: string): Promise<boolean> {
      const [found, since] = await Promise.all([
        eventStreamInfo(redis, stream),
        redis.hget(keys.project(project), projectFields.createdAt),
      ]);
      if (!found) return position !== beginning;
      // From an earlier project of the same name.
      if (position !== beginning && compareIds(position, `${since ?? 0}-0`) < 0) return true;
      if (compareIds(position, found.lastId) > 0) return true;
      return found.trimmed && compareIds(position, found.firstId) < 0;
    },
  };
}
