-- Gives a job of a project its priority in a queue.
--
-- KEYS[1] fairness: what was given out for the queue
-- ARGV[1] project
-- ARGV[2] lowest priority that there is
-- Returns the priority, from 1 on.

--- include next-priority

local fairness = KEYS[1]
local project, lowest = ARGV[1], tonumber(ARGV[2])

return nextPriority(fairness, project, lowest)
