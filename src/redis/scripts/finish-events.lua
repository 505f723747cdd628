-- Gives a project back whose events were taken. Those that are not done stay in its queue.
--
-- KEYS[1] projects that have events, by when they may be taken (ms)
-- KEYS[2] queue of the project's events
-- ARGV[1] name of the project
-- ARGV[2...] events that are done
-- Returns how many still wait.

--- include now

local projects, queue, project = KEYS[1], KEYS[2], ARGV[1]

local now = storeTime()
for i = 2, #ARGV do redis.call('ZREM', queue, ARGV[i]) end
local left = redis.call('ZCARD', queue)
-- Behind the other projects that wait.
if left > 0 then redis.call('ZADD', projects, now, project) else redis.call('ZREM', projects, project) end
return left
