-- Turns of projects. A lane holds what waits of one project; `turns` holds the projects that have something waiting,
-- lowest score first; `turns:count` is how often a turn was given, and the score of a project is the count at its last
-- turn. One that joins comes before the one that was served last and behind all others, so that neither a flood nor one
-- who comes again and again keeps the others waiting.

-- The dispatcher is called for the first of a lane: behind it, all slots are taken, and their release is a call too. In
-- a lane by the microsecond: of two that come within one millisecond, too, the first is served first.
local function enqueue(turns, lane, project, id, channel, time)
  if redis.call('ZADD', lane, 'NX', string.format('%d%06d', time[1], time[2]), id) == 0 then return end
  if redis.call('ZCARD', lane) > 1 then return end
  redis.call('ZADD', turns, 'NX', (tonumber(redis.call('GET', turns .. ':count')) or 0) - 0.5, project)
  redis.call('PUBLISH', channel, '')
end

-- Beyond the limit there is one slot more, for a project that has none: it need not wait for others to end.
local function nextProject(turns, inFlight, limit)
  local held = redis.call('HLEN', inFlight)
  if held < limit then return redis.call('ZRANGE', turns, 0, 0)[1] end
  if held > limit then return nil end
  local served = {}
  for _, project in ipairs(redis.call('HVALS', inFlight)) do served[project] = true end
  for _, project in ipairs(redis.call('ZRANGE', turns, 0, limit)) do
    if not served[project] then return project end
  end
end

-- Gives the free slots to those whose turn it is, and returns their ids.
local function grant(turns, inFlight, waiting, index, lanePrefix, limit)
  local granted = {}
  while true do
    local project = nextProject(turns, inFlight, limit)
    if not project then return granted end
    local lane = lanePrefix .. project
    local id = redis.call('ZPOPMIN', lane)[1]
    if id then
      redis.call('HSET', inFlight, id, project)
      if redis.call('ZREM', waiting, id) == 1 then redis.call('ZADD', index, 0, id) end
      granted[#granted + 1] = id
    end
    local count = redis.call('INCR', turns .. ':count')
    if redis.call('EXISTS', lane) == 1 then redis.call('ZADD', turns, count, project)
    else redis.call('ZREM', turns, project) end
  end
end
