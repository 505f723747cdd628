-- Gives a job of a project its priority in a queue, from 1 on, as start-time fair queueing has it:
-- src/queue/fair-priority.ts. `fairness` is what was given out for the queue, a hash with the fields `taken` (the highest
-- priority of a job that was taken) and `project:NAME` (the last that the project was given, absent once it is lower than
-- `taken`); `lowest` is the lowest priority that there is.
local function nextPriority(fairness, project, lowest)
  local given = redis.call('HMGET', fairness, 'taken', 'project:' .. project)
  local taken, last = tonumber(given[1]) or 1, tonumber(given[2]) or 0
  local priority = math.min(math.max(taken, last + 1), lowest)
  redis.call('HSET', fairness, 'project:' .. project, priority)
  return priority
end
