-- Takes the lease of a host, or renews it.
--
-- KEYS[1] lease
-- ARGV[1] holder
-- ARGV[2] time to live (ms)
-- Returns 1 when it is the holder's now, 0 when it is another's.

local lease, holder, ttlMs = KEYS[1], ARGV[1], ARGV[2]

local current = redis.call('GET', lease)
if current and current ~= holder then return 0 end
redis.call('SET', lease, holder, 'PX', ttlMs)
return 1
