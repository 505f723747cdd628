import type { Redis, Result } from 'ioredis';

/**
 * What has to be atomic, as Lua. A record is a hash: `v` its version, `r` the record as JSON, `s` its sealed
 * credentials.
 */
const scripts = {
  /** record, project index, host index, changes | id, record, score -> 1 */
  spCreate: {
    numberOfKeys: 4,
    lua: `
      redis.call('HSET', KEYS[1], 'v', '1', 'r', ARGV[2])
      redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
      redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
      redis.call('PUBLISH', KEYS[4], ARGV[1])
      return 1`,
  },
  /** record, changes | id, expected version, record, sealed or '' -> the new version, or 0 for a lost swap */
  spSwap: {
    numberOfKeys: 2,
    lua: `
      if redis.call('HGET', KEYS[1], 'v') ~= ARGV[2] then return 0 end
      redis.call('HSET', KEYS[1], 'r', ARGV[3])
      if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 's', ARGV[4]) end
      local version = redis.call('HINCRBY', KEYS[1], 'v', 1)
      redis.call('PUBLISH', KEYS[2], ARGV[1])
      return version`,
  },
  /** record, project index, host index, ports, waiting, starting, changes | id -> 1 */
  spRemove: {
    numberOfKeys: 7,
    lua: `
      redis.call('DEL', KEYS[1])
      redis.call('ZREM', KEYS[2], ARGV[1])
      redis.call('ZREM', KEYS[3], ARGV[1])
      local leases = redis.call('HGETALL', KEYS[4])
      for i = 1, #leases, 2 do
        if leases[i + 1] == ARGV[1] then redis.call('HDEL', KEYS[4], leases[i]) end
      end
      redis.call('ZREM', KEYS[5], ARGV[1])
      redis.call('SREM', KEYS[6], ARGV[1])
      redis.call('PUBLISH', KEYS[7], ARGV[1])
      return 1`,
  },
  /** ports | id, first, last, a port to begin at -> a port now leased to id, or 0 when none is free */
  spLeasePort: {
    numberOfKeys: 1,
    lua: `
      local first, last, at = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
      for i = 0, last - first do
        local port = first + (at - first + i) % (last - first + 1)
        if redis.call('HSETNX', KEYS[1], port, ARGV[1]) == 1 then return port end
      end
      return 0`,
  },
  /** ports | id, port -> 1 when it was released */
  spReleasePort: {
    numberOfKeys: 1,
    lua: `
      if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[1] then return 0 end
      return redis.call('HDEL', KEYS[1], ARGV[2])`,
  },
  /** waiting, starting | id, slots, now -> 1 when id may start, else 0 and it is in the queue */
  spClaimStart: {
    numberOfKeys: 2,
    lua: `
      if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return 1 end
      redis.call('ZADD', KEYS[1], 'NX', ARGV[3], ARGV[1])
      local free = tonumber(ARGV[2]) - redis.call('SCARD', KEYS[2])
      if redis.call('ZRANK', KEYS[1], ARGV[1]) >= free then return 0 end
      redis.call('ZREM', KEYS[1], ARGV[1])
      redis.call('SADD', KEYS[2], ARGV[1])
      return 1`,
  },
  /** waiting, starting | id, slots -> the ids that may start now */
  spReleaseStart: {
    numberOfKeys: 2,
    lua: `
      redis.call('SREM', KEYS[2], ARGV[1])
      redis.call('ZREM', KEYS[1], ARGV[1])
      local free = tonumber(ARGV[2]) - redis.call('SCARD', KEYS[2])
      if free <= 0 then return {} end
      return redis.call('ZRANGE', KEYS[1], 0, free - 1)`,
  },
  /** lease | holder, ttl in ms -> 1 when held by holder now */
  spHoldLease: {
    numberOfKeys: 1,
    lua: `
      local holder = redis.call('GET', KEYS[1])
      if holder and holder ~= ARGV[1] then return 0 end
      redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
      return 1`,
  },
} as const;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    spCreate(...args: string[]): Result<number, Context>;
    spSwap(...args: string[]): Result<number, Context>;
    spRemove(...args: string[]): Result<number, Context>;
    spLeasePort(...args: string[]): Result<number, Context>;
    spReleasePort(...args: string[]): Result<number, Context>;
    spClaimStart(...args: string[]): Result<number, Context>;
    spReleaseStart(...args: string[]): Result<string[], Context>;
    spHoldLease(...args: string[]): Result<number, Context>;
  }
}

/** Teaches a connection the scripts. Call once for each connection. */
export function defineScripts(redis: Redis): Redis {
  for (const [name, script] of Object.entries(scripts)) redis.defineCommand(name, script);
  return redis;
}
