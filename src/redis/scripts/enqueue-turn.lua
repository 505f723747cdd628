-- Asks for a turn for a sandbox, and calls the host's dispatcher.
--
-- KEYS[1] turns
-- KEYS[2] lane of the project
-- ARGV[1] name of the project
-- ARGV[2] id
-- ARGV[3] channel of the host's dispatcher
-- Returns 1.

--- include lanes

local turns, lane = KEYS[1], KEYS[2]
local project, id, channel = ARGV[1], ARGV[2], ARGV[3]

enqueue(turns, lane, project, id, channel, redis.call('TIME'))
return 1
