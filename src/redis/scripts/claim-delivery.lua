-- Claims the oldest delivery of a receiver that is due, if the receiver has a free slot. So however many wait, the oldest has
-- its attempts when it is time. A claim ends when the delivery is written (write-delivery.lua), or after a while, should its
-- worker have died.
--
-- KEYS[1] webhook: the hash of the receiver
-- KEYS[2] deliveries of the webhook, by when they were created
-- KEYS[3] ready: those that are due, by when they were created
-- KEYS[4] later: those that are pending and not ready, by when they are due
-- KEYS[5] under way: those that are claimed, by when their claims end
-- KEYS[6] receivers that have pending deliveries, by when the first is due
-- KEYS[7] done deliveries of the webhook
-- ARGV[1] member of the receiver in KEYS[6]
-- ARGV[2] claim for (ms)
-- ARGV[3] prefix of deliveries
-- Returns {delivery as JSON, how many others wait, 1 if one of them can be claimed now, else 0}, or nil when none can be.

--- include now
--- include pending

local webhook, deliveries, ready, later = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local underWay, receiversDue, done = KEYS[5], KEYS[6], KEYS[7]
local receiver, claimMs, deliveryPrefix = ARGV[1], ARGV[2], ARGV[3]

if redis.call('EXISTS', webhook) == 0 then
  -- Its removal was cut off, if anything is left.
  for _, id in ipairs(redis.call('ZRANGE', deliveries, 0, -1)) do redis.call('DEL', deliveryPrefix .. id) end
  redis.call('DEL', deliveries, ready, later, underWay, done)
  redis.call('ZREM', receiversDue, receiver)
  return nil
end
local now = storeTime()
redis.call('ZREMRANGEBYSCORE', underWay, '-inf', now)
-- src/redis/fields.ts (webhookFields) names the fields.
local slots = tonumber(redis.call('HGET', webhook, 'n')) or 1
local free = slots - redis.call('ZCARD', underWay)
if free <= 0 then return nil end

for _, id in ipairs(redis.call('ZRANGE', later, '-inf', now, 'BYSCORE')) do
  redis.call('ZREM', later, id)
  redis.call('ZADD', ready, redis.call('ZSCORE', deliveries, id) or 0, id)
end
local id, delivery
repeat
  id = redis.call('ZPOPMIN', ready)[1]
  delivery = id and redis.call('GET', deliveryPrefix .. id)
until delivery or not id
if id then
  redis.call('ZADD', later, now + claimMs, id)
  redis.call('ZADD', underWay, now + claimMs, id)
end
noteReceiverDue(receiversDue, receiver, ready, later)
if not id then return nil end
local waiting = countWaiting(ready, later, now)
return { delivery, waiting, (free > 1 and waiting > 0) and 1 or 0 }
