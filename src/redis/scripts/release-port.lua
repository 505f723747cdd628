-- Releases a port if the sandbox leases it.
--
-- KEYS[1] ports: who leases which port of the host
-- ARGV[1] id of the sandbox
-- ARGV[2] port
-- Returns 1, or 0 when it is not the sandbox's.

local ports, id, port = KEYS[1], ARGV[1], ARGV[2]

if redis.call('HGET', ports, port) ~= id then return 0 end
return redis.call('HDEL', ports, port)
