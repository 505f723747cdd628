-- Claims the delivery of a receiver that has been due longest, if the receiver has a free slot. A claim ends when the
-- delivery is written (write-delivery.lua), or after a while, should its worker have died.
--
-- KEYS[1] webhook: the hash of the receiver
-- KEYS[2] pending deliveries of the webhook, by when they are due
-- KEYS[3] under way: those of them that are claimed, by when their claims end
-- KEYS[4] receivers that have pending deliveries, by when the first is due
-- ARGV[1] member of the receiver in KEYS[4]
-- ARGV[2] claim for (ms)
-- ARGV[3] prefix of deliveries
-- Returns {delivery as JSON, how many are pending, 1 if another one can be claimed now, else 0}, or nil when none can be.

--- include now
--- include receivers-due

local webhook, pending, underWay, receiversDue = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local receiver, claimMs, deliveryPrefix = ARGV[1], ARGV[2], ARGV[3]

if redis.call('EXISTS', webhook) == 0 then
  for _, id in ipairs(redis.call('ZRANGE', pending, 0, -1)) do redis.call('DEL', deliveryPrefix .. id) end
  redis.call('DEL', pending, underWay)
  redis.call('ZREM', receiversDue, receiver)
  return nil
end
local now = storeTime()
redis.call('ZREMRANGEBYSCORE', underWay, '-inf', now)
-- src/redis/fields.ts (webhookFields) names the fields.
local slots = tonumber(redis.call('HGET', webhook, 'n')) or 1

local function free() return slots - redis.call('ZCARD', underWay) end
local function firstDue() return redis.call('ZRANGE', pending, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1] end

if free() <= 0 then return nil end
local id, delivery = firstDue(), nil
while id do
  delivery = redis.call('GET', deliveryPrefix .. id)
  if delivery then break end
  redis.call('ZREM', pending, id)
  id = firstDue()
end
if id then
  redis.call('ZADD', pending, now + claimMs, id)
  redis.call('ZADD', underWay, now + claimMs, id)
end
noteFirstDue(receiversDue, receiver, pending)
if not id then return nil end
return { delivery, redis.call('ZCARD', pending), free() > 0 and firstDue() and 1 or 0 }
