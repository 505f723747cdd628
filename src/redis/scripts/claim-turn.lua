-- Asks for a slot for a sandbox, and gives the free slots to those whose turn it is.
--
-- KEYS[1] turns
-- KEYS[2] in flight
-- KEYS[3] waiting of the host
-- KEYS[4] index of the host
-- KEYS[5] lane of the project
-- ARGV[1] prefix of the lanes
-- ARGV[2] limit: how many slots there are
-- ARGV[3] name of the project
-- ARGV[4] id
-- ARGV[5] channel of the host's dispatcher
-- Returns the ids of those that got a slot; the one that asks is among them when it has one.

--- include lanes

local turns, inFlight, waiting, index, lane = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local lanePrefix, limit, project, id, channel = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]

if redis.call('HEXISTS', inFlight, id) == 1 then return { id } end
enqueue(turns, lane, project, id, channel, redis.call('TIME'))
return grant(turns, inFlight, waiting, index, lanePrefix, limit)
