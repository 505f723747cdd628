-- Gives a job of a project its priority in a queue, as start-time fair queueing has it: src/queue/fair-priority.ts.
--
-- KEYS[1] fairness: what was given out for the queue, a hash with the fields `taken` (the highest priority of a job that
--   was taken) and `project:NAME` (the last that the project was given, absent once it is lower than `taken`)
-- ARGV[1] project
-- ARGV[2] lowest priority that there is
-- Returns the priority, from 1 on.

local fairness = KEYS[1]
local project, lowest = ARGV[1], tonumber(ARGV[2])

local given = redis.call('HMGET', fairness, 'taken', 'project:' .. project)
local taken, last = tonumber(given[1]) or 1, tonumber(given[2]) or 0
local priority = math.min(math.max(taken, last + 1), lowest)
redis.call('HSET', fairness, 'project:' .. project, priority)
return priority
