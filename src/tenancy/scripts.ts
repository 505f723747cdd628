import type { Redis, Result } from 'ioredis';

/** What has to be atomic about projects, keys and the like, as Lua. */
const scripts = {
  /** project, projects | name, created at (ms), uid, then fields and values -> 1, or 0 when there is one */
  spCreateProject: {
    numberOfKeys: 2,
    lua: `
      if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
      redis.call('HSET', KEYS[1], 'v', '1', 'state', 'active', 'createdAt', ARGV[2], 'uid', ARGV[3], unpack(ARGV, 4))
      redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
      return 1`,
  },
  /** hash | expected version, then fields and values; '' removes a field -> 1, or 0 for a lost swap */
  spSwapFields: {
    numberOfKeys: 1,
    lua: `
      if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end
      for i = 2, #ARGV, 2 do
        if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
        else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
      end
      redis.call('HINCRBY', KEYS[1], 'v', 1)
      return 1`,
  },
  /**
   * project, project index, projects being deleted | name, '1' to take its sandboxes along -> how many it has, or -1
   * when there is no such project
   */
  spMarkDeleting: {
    numberOfKeys: 3,
    lua: `
      if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
      local count = redis.call('ZCARD', KEYS[2])
      if count > 0 and ARGV[2] ~= '1' then return count end
      redis.call('HSET', KEYS[1], 'state', 'deleting')
      redis.call('SADD', KEYS[3], ARGV[1])
      return count`,
  },
  /**
   * project, hash, index | member, score, most, then fields and values: something that a project has so many of at
   * most -> 1, 0 when there are too many, -1 when there is no such project
   */
  spAddToProject: {
    numberOfKeys: 3,
    lua: `
      if redis.call('HGET', KEYS[1], 'state') ~= 'active' then return -1 end
      local known = redis.call('ZSCORE', KEYS[3], ARGV[1])
      if not known and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[3]) then return 0 end
      redis.call('HSET', KEYS[2], unpack(ARGV, 4))
      redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
      return 1`,
  },
} as const;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    spCreateProject(...args: string[]): Result<number, Context>;
    spSwapFields(...args: string[]): Result<number, Context>;
    spMarkDeleting(...args: string[]): Result<number, Context>;
    spAddToProject(...args: string[]): Result<number, Context>;
  }
}

/** Teaches a connection the scripts. Call once for each connection. */
export function defineTenancyScripts(redis: Redis): Redis {
  for (const [name, script] of Object.entries(scripts)) redis.defineCommand(name, script);
  return redis;
}
