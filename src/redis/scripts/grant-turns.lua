-- Gives the free slots to those whose turn it is. They hold them until released.
--
-- KEYS[1] turns
-- KEYS[2] in flight
-- KEYS[3] waiting of the host
-- KEYS[4] index of the host
-- ARGV[1] prefix of the lanes
-- ARGV[2] limit: how many slots there are
-- Returns the ids of those that got a slot.

--- include lanes

local turns, inFlight, waiting, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lanePrefix, limit = ARGV[1], tonumber(ARGV[2])

return grant(turns, inFlight, waiting, index, lanePrefix, limit)
