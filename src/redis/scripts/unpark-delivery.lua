-- Takes the oldest parked delivery of a receiver, which then is not parked any more.
--
-- KEYS[1] parked deliveries of the receiver, by their age
-- KEYS[2] receivers of the project that have any, by when they last had a turn
-- ARGV[1] id of the receiver
-- Returns the id of the delivery, or nil when there is none.

--- include now

local parked, receivers, receiver = KEYS[1], KEYS[2], ARGV[1]

local id = redis.call('ZPOPMIN', parked)[1]
local now = storeTime()
-- A receiver that has more comes again after all others.
if redis.call('EXISTS', parked) == 1 then redis.call('ZADD', receivers, 'XX', now, receiver)
else redis.call('ZREM', receivers, receiver) end
return id
