-- Ends the turn of a project. Those of its events that are not done come again with its next turn.
--
-- KEYS[1] turns: the projects that have events, by when their turn may come (ms)
-- KEYS[2] line of the project
-- ARGV[1] name of the project
-- ARGV[2...] events that are done
-- Returns how many still wait.

--- include now

local turns, line, project = KEYS[1], KEYS[2], ARGV[1]

local now = storeTime()
for i = 2, #ARGV do redis.call('ZREM', line, ARGV[i]) end
local left = redis.call('ZCARD', line)
-- Behind those that wait for their turn.
if left > 0 then redis.call('ZADD', turns, now, project) else redis.call('ZREM', turns, project) end
return left
