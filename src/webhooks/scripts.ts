import type { Redis, Result } from 'ioredis';
import { luaNow } from '../redis/clock.ts';
import { turnScripts } from './turn-scripts.ts';

/** What has to be atomic about webhooks, as Lua. */
const scripts = {
  /**
   * webhook, delivery, index of deliveries, due, pending, done | id, member of due, delivery as JSON, created at (ms), due
   * at (ms) or '' when it is done, what it is to be now or 'new', most that may be pending or '', how
   * long to keep what is done in s, how many of them to keep, prefix of deliveries -> how many are pending, at least 1; 0
   * when the webhook is gone: then nothing of the delivery is left either, -1 when it is something else by now, or -2 when
   * too many are pending
   */
  spWriteDelivery: {
    numberOfKeys: 6,
    lua: `
      if redis.call('EXISTS', KEYS[1]) == 0 then
        redis.call('DEL', KEYS[2])
        redis.call('ZREM', KEYS[4], ARGV[2])
        return 0
      end
      if (redis.call('GET', KEYS[2]) or 'new') ~= ARGV[6] then return -1 end
      if ARGV[7] ~= '' and redis.call('ZCARD', KEYS[5]) >= tonumber(ARGV[7]) then return -2 end
      ${luaNow}
      local keepMs = ARGV[8] * 1000
      redis.call('SET', KEYS[2], ARGV[3])
      redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
      -- What is pending may be older than what is done, but not by more than its tries take.
      redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - 2 * keepMs)
      if ARGV[5] ~= '' then
        redis.call('ZADD', KEYS[4], ARGV[5], ARGV[2])
        redis.call('ZADD', KEYS[5], ARGV[4], ARGV[1])
        redis.call('ZREM', KEYS[6], ARGV[1])
      else
        redis.call('ZREM', KEYS[4], ARGV[2])
        redis.call('ZREM', KEYS[5], ARGV[1])
        redis.call('EXPIRE', KEYS[2], ARGV[8])
        redis.call('ZADD', KEYS[6], now, ARGV[1])
        redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now - keepMs)
        for _, id in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1 - ARGV[9])) do
          redis.call('DEL', ARGV[10] .. id)
          redis.call('ZREM', KEYS[3], id)
          redis.call('ZREM', KEYS[6], id)
        end
      end
      return math.max(1, redis.call('ZCARD', KEYS[5]))`,
  },
  /** parked of the receiver, parked receivers of the project, due | id, age, receiver, member of due, for how long (ms) -> 1 */
  spPark: {
    numberOfKeys: 3,
    lua: `
      redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
      ${luaNow}
      redis.call('ZADD', KEYS[2], 'NX', now, ARGV[3])
      -- Not overdue: it has a place to wait in.
      redis.call('ZADD', KEYS[3], 'XX', now + ARGV[5], ARGV[4])
      return 1`,
  },
  /** parked of the receiver, parked receivers of the project | receiver -> the id of the oldest, or nil */
  spUnpark: {
    numberOfKeys: 2,
    lua: `
      local id = redis.call('ZPOPMIN', KEYS[1])[1]
      -- To the end of the turns, if it is not done with.
      ${luaNow}
      if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('ZADD', KEYS[2], 'XX', now, ARGV[1])
      else redis.call('ZREM', KEYS[2], ARGV[1]) end
      return id`,
  },
  /** webhook -> 1, or 0 when it is gone */
  spNoteSuccess: {
    numberOfKeys: 1,
    lua: `
      if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
      ${luaNow}
      redis.call('HSET', KEYS[1], 'ok', now)
      return 1`,
  },
  /**
   * webhook, outbox | expected version, webhook as JSON, project, event, its data as JSON -> 1, or 0 for a lost swap. The
   * event that tells of it cannot be lost.
   */
  spDisableWebhook: {
    numberOfKeys: 2,
    lua: `
      if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end
      redis.call('HSET', KEYS[1], 'v', ARGV[1] + 1, 'r', ARGV[2])
      redis.call('XADD', KEYS[2], '*', 'p', ARGV[3], 'e', ARGV[4], 'd', ARGV[5])
      return 1`,
  },
} as const;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    spWriteDelivery(...args: string[]): Result<number, Context>;
    spPark(...args: string[]): Result<number, Context>;
    spUnpark(...args: string[]): Result<string | null, Context>;
    spNoteSuccess(...args: string[]): Result<number, Context>;
    spDisableWebhook(...args: string[]): Result<number, Context>;
    spSetAside(...args: string[]): Result<number, Context>;
    spTakeTurns(...args: string[]): Result<[project: string, entries: string[]][], Context>;
    spEndTurn(...args: string[]): Result<number, Context>;
  }
}

/** Teaches a connection the scripts. Call once for each connection. */
export function defineWebhookScripts(redis: Redis): Redis {
  for (const [name, script] of Object.entries({ ...scripts, ...turnScripts })) redis.defineCommand(name, script);
  return redis;
}
