-- Takes the oldest events of the projects that have waited longest. No other worker gets events of these projects until
-- they are finished (finish-events.lua), or for a while, should this worker die.
--
-- KEYS[1] projects that have events, by when they may be taken (ms)
-- ARGV[1] prefix of the queues of events
-- ARGV[2] max projects
-- ARGV[3] max events of each
-- ARGV[4] take for (ms)
-- Returns of each project {name, its oldest events}.

--- include now

local projects = KEYS[1]
local queuePrefix, maxProjects, maxEvents, takeMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local now = storeTime()
local taken = {}
local function take(from, to)
  for _, project in ipairs(redis.call('ZRANGE', projects, from, to, 'BYSCORE', 'LIMIT', 0, maxProjects - #taken)) do
    redis.call('ZADD', projects, now + takeMs, project)
    taken[#taken + 1] = { project, redis.call('ZRANGE', queuePrefix .. project, 0, maxEvents - 1) }
  end
end
take('-inf', now)
-- Further ahead than any worker takes events for: this was written before the clock was set back.
take('(' .. (now + takeMs), '+inf')
return taken
