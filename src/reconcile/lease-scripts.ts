/** Exclusive ports and the lease of a host, as Lua. */
export const leaseScripts = {
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
