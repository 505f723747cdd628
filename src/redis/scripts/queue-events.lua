-- Moves events from the outbox into the queues of their projects. One that another worker has moved by now is left alone.
--
-- KEYS[1] outbox
-- KEYS[2] projects that have events, by when they may be taken (ms)
-- ARGV[1] group that reads the outbox
-- ARGV[2] prefix of the queues of events
-- ARGV[3...] of each event its id in the outbox, its project, when it was (ms) and what is kept of it
-- Returns 1.

--- include now

local outbox, projects = KEYS[1], KEYS[2]
local group, queuePrefix = ARGV[1], ARGV[2]

local now = storeTime()
for i = 3, #ARGV, 4 do
  local eventId, project, at, kept = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if redis.call('XACK', outbox, group, eventId) == 1 then
    redis.call('XDEL', outbox, eventId)
    redis.call('ZADD', queuePrefix .. project, at, kept)
    redis.call('ZADD', projects, 'NX', now, project)
  end
end
return 1
