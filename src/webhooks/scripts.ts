import type { Redis, Result } from 'ioredis';

/** What has to be atomic about webhooks, as Lua. */
const scripts = {
  /**
   * webhook, delivery, index of deliveries, due | id, member of due, delivery as JSON, created at (ms), due at (ms) or '', how
   * long to keep what is done with in s, oldest kept in the index (ms), what it is to be now or '' -> 1, 0 when the webhook
   * is gone: then nothing of the delivery is left either, or -1 when it is something else by now
   */
  spWriteDelivery: {
    numberOfKeys: 4,
    lua: `
      if redis.call('EXISTS', KEYS[1]) == 0 then
        redis.call('DEL', KEYS[2])
        redis.call('ZREM', KEYS[4], ARGV[2])
        return 0
      end
      if ARGV[8] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[8] then return -1 end
      redis.call('SET', KEYS[2], ARGV[3])
      redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
      redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[7])
      if ARGV[5] ~= '' then redis.call('ZADD', KEYS[4], ARGV[5], ARGV[2])
      else
        redis.call('ZREM', KEYS[4], ARGV[2])
        redis.call('EXPIRE', KEYS[2], ARGV[6])
      end
      return 1`,
  },
  /** parked of the receiver, parked receivers of the project, due | id, age, receiver, now, member of due, new due at -> 1 */
  spPark: {
    numberOfKeys: 3,
    lua: `
      redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
      redis.call('ZADD', KEYS[2], 'NX', ARGV[4], ARGV[3])
      -- Not overdue: it has a place to wait in.
      redis.call('ZADD', KEYS[3], 'XX', ARGV[6], ARGV[5])
      return 1`,
  },
  /** parked of the receiver, parked receivers of the project | receiver, now -> the id of the oldest, or nil */
  spUnpark: {
    numberOfKeys: 2,
    lua: `
      local id = redis.call('ZPOPMIN', KEYS[1])[1]
      -- To the end of the turns, if it is not done with.
      if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('ZADD', KEYS[2], 'XX', ARGV[2], ARGV[1])
      else redis.call('ZREM', KEYS[2], ARGV[1]) end
      return id`,
  },
  /** webhook | now in ms -> 1, or 0 when it is gone */
  spNoteSuccess: {
    numberOfKeys: 1,
    lua: `
      if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
      redis.call('HSET', KEYS[1], 'ok', ARGV[1])
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
  }
}

/** Teaches a connection the scripts. Call once for each connection. */
export function defineWebhookScripts(redis: Redis): Redis {
  for (const [name, script] of Object.entries(scripts)) redis.defineCommand(name, script);
  return redis;
}
