-- Takes events out of the outbox into the lines of their projects. One that somebody else has set aside by now is left
-- alone.
--
-- KEYS[1] outbox
-- KEYS[2] turns: the projects that have events, by when their turn may come (ms)
-- ARGV[1] group that reads the outbox
-- ARGV[2] prefix of lines
-- ARGV[3...] of each event its id in the outbox, its project, when it was (ms) and what is kept of it
-- Returns 1.

--- include now

local outbox, turns = KEYS[1], KEYS[2]
local group, linePrefix = ARGV[1], ARGV[2]

local now = storeTime()
for i = 3, #ARGV, 4 do
  local eventId, project, at, kept = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if redis.call('XACK', outbox, group, eventId) == 1 then
    redis.call('XDEL', outbox, eventId)
    redis.call('ZADD', linePrefix .. project, at, kept)
    redis.call('ZADD', turns, 'NX', now, project)
  end
end
return 1
