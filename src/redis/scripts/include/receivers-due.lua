-- Notes when the first pending delivery of a receiver is due, or that it has none.
local function noteFirstDue(receiversDue, receiver, pending)
  local first = redis.call('ZRANGE', pending, 0, 0, 'WITHSCORES')
  if first[2] then redis.call('ZADD', receiversDue, first[2], receiver)
  else redis.call('ZREM', receiversDue, receiver) end
end
