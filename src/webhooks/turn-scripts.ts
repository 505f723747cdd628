import { luaNow } from '../redis/clock.ts';

/** The turns that projects take with their events, as Lua. */
export const turnScripts = {
  /**
   * outbox, turns | group, prefix of lines, then of each event its id in the outbox, its project, when it was (ms), what is
   * kept of it -> 1. One that somebody else has set aside by now is left alone.
   */
  spSetAside: {
    numberOfKeys: 2,
    lua: `
      ${luaNow}
      for i = 3, #ARGV, 4 do
        if redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) == 1 then
          redis.call('XDEL', KEYS[1], ARGV[i])
          redis.call('ZADD', ARGV[2] .. ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
          redis.call('ZADD', KEYS[2], 'NX', now, ARGV[i + 1])
        end
      end
      return 1`,
  },
  /**
   * turns | prefix of lines, projects at most, events of each at most, for how long a turn is nobody else's (ms) -> of each
   * project whose turn it is its name and its oldest events
   */
  spTakeTurns: {
    numberOfKeys: 1,
    lua: `
      ${luaNow}
      local taken = {}
      local function take(from, to)
        for _, project in ipairs(redis.call('ZRANGE', KEYS[1], from, to, 'BYSCORE', 'LIMIT', 0, ARGV[2] - #taken)) do
          redis.call('ZADD', KEYS[1], now + ARGV[4], project)
          taken[#taken + 1] = { project, redis.call('ZRANGE', ARGV[1] .. project, 0, ARGV[3] - 1) }
        end
      end
      take('-inf', now)
      -- Further ahead than a turn lasts: written before the clock was set back.
      take('(' .. (now + ARGV[4]), '+inf')
      return taken`,
  },
  /** turns, line of the project | project, what is done of it... -> how many still wait */
  spEndTurn: {
    numberOfKeys: 2,
    lua: `
      ${luaNow}
      for i = 2, #ARGV do redis.call('ZREM', KEYS[2], ARGV[i]) end
      local left = redis.call('ZCARD', KEYS[2])
      -- Behind those that wait for theirs.
      if left > 0 then redis.call('ZADD', KEYS[1], now, ARGV[1])
      else redis.call('ZREM', KEYS[1], ARGV[1]) end
      return left`,
  },
} as const;
