-- Finds a port of a host that no sandbox leases, the first from a given one on, past the last one from the first on. It is
-- leased with the record that is to name it: see update-sandbox.lua.
--
-- KEYS[1] ports: who leases which port of the host
-- ARGV[1] first port of the range
-- ARGV[2] last port of the range
-- ARGV[3] port to begin at
-- ARGV[4] how many to look at
-- Returns the port, or 0 when all of them are leased.

local ports = KEYS[1]
local first, last, beginAt, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

for i = 0, most - 1 do
  local port = first + (beginAt - first + i) % (last - first + 1)
  if redis.call('HEXISTS', ports, port) == 0 then return port end
end
return 0
