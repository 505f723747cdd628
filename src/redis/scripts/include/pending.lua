-- The pending deliveries of a webhook are in two sets: `ready` has those that are due, by when they were created, `later` has
-- those that are tried later or are claimed, by when they are due.
local function countPending(ready, later) return redis.call('ZCARD', ready) + redis.call('ZCARD', later) end

-- How many are due and not claimed.
local function countWaiting(ready, later, now)
  return redis.call('ZCARD', ready) + redis.call('ZCOUNT', later, '-inf', now)
end

-- Notes since or from when a receiver has a delivery that is due, or that it has none.
local function noteReceiverDue(receiversDue, receiver, ready, later)
  local first = redis.call('ZRANGE', ready, 0, 0, 'WITHSCORES')[2] or redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')[2]
  if first then redis.call('ZADD', receiversDue, first, receiver) else redis.call('ZREM', receiversDue, receiver) end
end
