-- Parks a delivery: it waits for another one of its receiver to end.
--
-- KEYS[1] parked deliveries of the receiver, by their age
-- KEYS[2] receivers of the project that have any, by when they last had a turn
-- KEYS[3] due: the deliveries of all projects that are to be tried
-- ARGV[1] id
-- ARGV[2] created at (ms)
-- ARGV[3] id of the receiver
-- ARGV[4] member of due
-- ARGV[5] for (ms): when it counts as due again
-- Returns 1.

--- include now

local parked, receivers, due = KEYS[1], KEYS[2], KEYS[3]
local id, createdAt, receiver, dueMember, forMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

redis.call('ZADD', parked, createdAt, id)
local now = storeTime()
redis.call('ZADD', receivers, 'NX', now, receiver)
-- It is not overdue while it is parked.
redis.call('ZADD', due, 'XX', now + forMs, dueMember)
return 1
