-- Notes that a job of a queue was taken, for the priorities of those that come: src/queue/fair-priority.ts.
--
-- KEYS[1] fairness: what was given out for the queue, as in include/next-priority.lua
-- ARGV[1] project of the job
-- ARGV[2] priority of the job
-- ARGV[3] waiting: how many jobs the queue has left
-- ARGV[4] high: priorities beyond this one begin again as soon as nothing waits
-- Returns 1.

local fairness = KEYS[1]
local project, priority = ARGV[1], tonumber(ARGV[2])
local waiting, high = tonumber(ARGV[3]), tonumber(ARGV[4])

if waiting == 0 and priority > high then
  redis.call('DEL', fairness)
  return 1
end
local given = redis.call('HMGET', fairness, 'taken', 'project:' .. project)
local taken, last = math.max(tonumber(given[1]) or 1, priority), tonumber(given[2]) or 0
redis.call('HSET', fairness, 'taken', taken)
-- From here on it changes nothing any more.
if last < taken then redis.call('HDEL', fairness, 'project:' .. project) end
return 1
