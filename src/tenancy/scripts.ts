import type { Redis, Result } from 'ioredis';
import { luaNow } from '../redis/clock.ts';

/** Whether a project is that very one, and on its way out. */
const isDeleting = `
  local function isDeleting(project, uid)
    local now = redis.call('HMGET', project, 'uid', 'state')
    return now[1] == uid and now[2] == 'deleting'
  end
`;

/** What has to be atomic about projects, keys and the like, as Lua. */
const scripts = {
  /** project, projects | name, uid, then fields and values -> 1, or 0 when there is another of the name */
  spCreateProject: {
    numberOfKeys: 2,
    lua: `
      local uid = redis.call('HGET', KEYS[1], 'uid')
      if uid then return uid == ARGV[2] and 1 or 0 end
      redis.call('DEL', KEYS[1])
      -- By the clock that its feed goes by: positions before are of an earlier project.
      ${luaNow}
      redis.call('HSET', KEYS[1], 'v', '1', 'state', 'active', 'createdAt', now, 'uid', ARGV[2], unpack(ARGV, 3))
      redis.call('ZADD', KEYS[2], now, ARGV[1])
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
   * project, project index, projects being deleted | name, '1' to take its sandboxes along, expected version or '' -> 1, 0
   * for another version, or how many sandboxes are in the way, negative
   */
  spMarkDeleting: {
    numberOfKeys: 3,
    lua: `
      local now = redis.call('HMGET', KEYS[1], 'v', 'state')
      if ARGV[3] ~= '' and now[1] ~= ARGV[3] then return 0 end
      if now[2] ~= 'active' then return 1 end
      local count = redis.call('ZCARD', KEYS[2])
      if count > 0 and ARGV[2] ~= '1' then return -count end
      redis.call('HSET', KEYS[1], 'state', 'deleting')
      redis.call('HINCRBY', KEYS[1], 'v', 1)
      redis.call('SADD', KEYS[3], ARGV[1])
      return 1`,
  },
  /**
   * project, then keys of what is its own | uid -> 1, or 0 when that very project is not being deleted any more: it is gone,
   * and what is found under its name is another's
   */
  spUnlinkOfProject: {
    lua: `${isDeleting}
      if not isDeleting(KEYS[1], ARGV[1]) then return 0 end
      redis.call('UNLINK', unpack(KEYS, 2))
      return 1`,
  },
  /**
   * project, projects, projects being deleted, audit | uid, name, how long to keep the audit log in s, changes channel -> 1,
   * or 0 as above
   */
  spForgetProject: {
    numberOfKeys: 4,
    lua: `${isDeleting}
      if not isDeleting(KEYS[1], ARGV[1]) then return 0 end
      redis.call('DEL', KEYS[1])
      redis.call('ZREM', KEYS[2], ARGV[2])
      redis.call('SREM', KEYS[3], ARGV[2])
      redis.call('EXPIRE', KEYS[4], ARGV[3])
      redis.call('PUBLISH', ARGV[4], 'project:' .. ARGV[1])
      return 1`,
  },
  /**
   * project, hash, index | member, score, most, then fields and values: something that a project has so many of at
   * most -> 1, 0 when there are too many, -1 when there is no such project, -2 when it is being deleted
   */
  spAddToProject: {
    numberOfKeys: 3,
    lua: `
      local state = redis.call('HGET', KEYS[1], 'state')
      if state ~= 'active' then return state and -2 or -1 end
      local known = redis.call('ZSCORE', KEYS[3], ARGV[1])
      if not known and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[3]) then return 0 end
      redis.call('HSET', KEYS[2], unpack(ARGV, 4))
      redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
      return 1`,
  },
  /**
   * key, keys of the project, revoked keys of the project, prefix of keys | id, now in ms, how long to keep it in s, how many
   * revoked ones to keep, changes channel -> 1. What is known of it stays for a while, so that its user is told.
   */
  spRevokeKey: {
    numberOfKeys: 4,
    lua: `
      redis.call('HSET', KEYS[1], 'revokedAt', ARGV[2])
      redis.call('EXPIRE', KEYS[1], ARGV[3])
      redis.call('ZREM', KEYS[2], ARGV[1])
      redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
      redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[2] - ARGV[3] * 1000)
      for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1 - ARGV[4])) do
        redis.call('DEL', KEYS[4] .. id)
        redis.call('ZREM', KEYS[3], id)
      end
      redis.call('PUBLISH', ARGV[5], 'key:' .. ARGV[1])
      return 1`,
  },
  /** key | now in ms -> 1, or 0 when it is gone */
  spNoteKeyUse: {
    numberOfKeys: 1,
    lua: `
      if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
      redis.call('HSET', KEYS[1], 'usedAt', ARGV[1])
      return 1`,
  },
  /** hash, index | member, expected version or '' -> 1, or 0 when it has another version or is gone */
  spRemoveFromProject: {
    numberOfKeys: 2,
    lua: `
      local version = redis.call('HGET', KEYS[1], 'v')
      if not version or (ARGV[2] ~= '' and version ~= ARGV[2]) then return 0 end
      redis.call('DEL', KEYS[1])
      redis.call('ZREM', KEYS[2], ARGV[1])
      return 1`,
  },
  /**
   * A request with an Idempotency-Key begins. The entry is a hash: `f` the fingerprint of the request, `s` its seed, `o` who
   * works on it, `t` when that was last heard of, `a` the sealed answer.
   * entry, entries of the project | fingerprint, a new seed, owner, how long to keep it in s, how long in ms an owner may be
   * silent, how many to keep -> {'yours', seed}, {'answered', answer}, {'mismatch'} or {'in-flight'}
   */
  spIdempotencyBegin: {
    numberOfKeys: 2,
    lua: `
      ${luaNow}
      local entry = redis.call('HMGET', KEYS[1], 'f', 's', 't', 'a')
      if entry[1] and entry[1] ~= ARGV[1] then return { 'mismatch' } end
      if entry[4] then return { 'answered', entry[4] } end
      -- Also of a clock that was set back.
      if entry[1] and math.abs(now - entry[3]) < tonumber(ARGV[5]) then return { 'in-flight' } end
      local seed = entry[2] or ARGV[2]
      redis.call('HSET', KEYS[1], 'f', ARGV[1], 's', seed, 'o', ARGV[3], 't', now)
      redis.call('EXPIRE', KEYS[1], ARGV[4])
      redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[4] * 1000)
      redis.call('ZADD', KEYS[2], now, KEYS[1])
      redis.call('EXPIRE', KEYS[2], ARGV[4])
      local oldest = redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[6])
      for _, entry in ipairs(oldest) do
        redis.call('UNLINK', entry)
        redis.call('ZREM', KEYS[2], entry)
      end
      return { 'yours', seed }`,
  },
  /**
   * Its owner goes on ('beat'), is done ('answer'), leaves it to the next ('release') or has made nothing ('forget').
   * entry, entries of the project | owner, which of them, answer -> 1, or 0 when another owns it by now
   */
  spIdempotencyEnd: {
    numberOfKeys: 2,
    lua: `
      if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
      if ARGV[2] == 'forget' then
        redis.call('ZREM', KEYS[2], KEYS[1])
        return redis.call('DEL', KEYS[1])
      end
      if ARGV[2] == 'release' then redis.call('HSET', KEYS[1], 't', 0) end
      if ARGV[2] == 'answer' then redis.call('HSET', KEYS[1], 'a', ARGV[3]) end
      if ARGV[2] == 'beat' then redis.call('HSET', KEYS[1], 't', redis.call('TIME')[1] * 1000) end
      return 1`,
  },
} as const;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    spCreateProject(...args: string[]): Result<number, Context>;
    spSwapFields(...args: string[]): Result<number, Context>;
    spMarkDeleting(...args: string[]): Result<number, Context>;
    spUnlinkOfProject(numberOfKeys: number, ...args: string[]): Result<number, Context>;
    spForgetProject(...args: string[]): Result<number, Context>;
    spAddToProject(...args: string[]): Result<number, Context>;
    spRevokeKey(...args: string[]): Result<number, Context>;
    spNoteKeyUse(...args: string[]): Result<number, Context>;
    spRemoveFromProject(...args: string[]): Result<number, Context>;
    spIdempotencyBegin(
      ...args: string[]
    ): Result<[state: 'yours' | 'answered' | 'mismatch' | 'in-flight', given?: string], Context>;
    spIdempotencyEnd(...args: string[]): Result<number, Context>;
  }
}

/** Teaches a connection the scripts. Call once for each connection. */
export function defineTenancyScripts(redis: Redis): Redis {
  for (const [name, script] of Object.entries(scripts)) redis.defineCommand(name, script);
  return redis;
}
