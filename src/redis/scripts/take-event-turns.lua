-- Takes the turns of some projects with their events. A turn is nobody else's for a while.
--
-- KEYS[1] turns: the projects that have events, by when their turn may come (ms)
-- ARGV[1] prefix of lines
-- ARGV[2] max projects
-- ARGV[3] max events of each
-- ARGV[4] turn: for how long it is nobody else's (ms)
-- Returns of each project whose turn it is {name, its oldest events}.

--- include now

local turns = KEYS[1]
local linePrefix, maxProjects, maxEvents, turnMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local now = storeTime()
local taken = {}
local function take(from, to)
  for _, project in ipairs(redis.call('ZRANGE', turns, from, to, 'BYSCORE', 'LIMIT', 0, maxProjects - #taken)) do
    redis.call('ZADD', turns, now + turnMs, project)
    taken[#taken + 1] = { project, redis.call('ZRANGE', linePrefix .. project, 0, maxEvents - 1) }
  end
end
take('-inf', now)
-- Further ahead than a turn lasts: written before the clock was set back.
take('(' .. (now + turnMs), '+inf')
return taken
