-- Leases a port of a host to a sandbox, the first free one from a given port on, past the last one from the first on.
--
-- KEYS[1] ports: who leases which port of the host
-- ARGV[1] id of the sandbox
-- ARGV[2] first port of the range
-- ARGV[3] last port of the range
-- ARGV[4] port to begin at
-- Returns the port, or 0 when none is free.

local ports = KEYS[1]
local id, first, last, beginAt = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

for i = 0, last - first do
  local port = first + (beginAt - first + i) % (last - first + 1)
  if redis.call('HSETNX', ports, port, id) == 1 then return port end
end
return 0
