-- Writes a delivery of a webhook if it still is what it was when it was read, with the indexes that it is in. A claim of it
-- ends.
--
-- KEYS[1] webhook: the hash of the receiver
-- KEYS[2] delivery
-- KEYS[3] deliveries of the webhook, by when they were created
-- KEYS[4] pending deliveries of the webhook, by when they are due
-- KEYS[5] under way: those of them that are claimed, by when their claims end
-- KEYS[6] done deliveries of the webhook, by when they were done
-- KEYS[7] receivers that have pending deliveries, by when the first is due
-- ARGV[1] id
-- ARGV[2] member of the receiver in KEYS[7]
-- ARGV[3] delivery, as JSON
-- ARGV[4] created at (ms)
-- ARGV[5] due at (ms), or '' when it is done
-- ARGV[6] before: what it has to be now as JSON, or 'new'
-- ARGV[7] most that may be pending, or ''
-- ARGV[8] keep what is done for (s)
-- ARGV[9] most that are done and kept
-- ARGV[10] prefix of deliveries
-- Returns how many are pending; -1 when the delivery is something else by now; -2 when too many are pending; -3 when the
-- webhook is gone: then nothing of the delivery is left either.

--- include now
--- include receivers-due

local webhook, key, deliveries, pending, underWay, done = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local receiversDue = KEYS[7]
local id, receiver, delivery, createdAt, dueAt = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local before, maxPending, keepSeconds, maxDone, deliveryPrefix = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

if redis.call('EXISTS', webhook) == 0 then
  redis.call('DEL', key, pending, underWay)
  redis.call('ZREM', receiversDue, receiver)
  return -3
end
if (redis.call('GET', key) or 'new') ~= before then return -1 end
if maxPending ~= '' and redis.call('ZCARD', pending) >= tonumber(maxPending) then return -2 end

local now = storeTime()
local keepMs = keepSeconds * 1000
redis.call('SET', key, delivery)
redis.call('ZADD', deliveries, createdAt, id)
-- What is pending may be older than what is done, but not by more than its tries take.
redis.call('ZREMRANGEBYSCORE', deliveries, '-inf', now - 2 * keepMs)
redis.call('ZREM', underWay, id)
if dueAt ~= '' then
  -- The time of an event is ahead of the clock when that was set back: what is new is due at once all the same.
  if before == 'new' then dueAt = math.min(dueAt, now) end
  redis.call('ZADD', pending, dueAt, id)
  redis.call('ZREM', done, id)
else
  redis.call('ZREM', pending, id)
  redis.call('EXPIRE', key, keepSeconds)
  redis.call('ZADD', done, now, id)
  redis.call('ZREMRANGEBYSCORE', done, '-inf', now - keepMs)
  for _, oldest in ipairs(redis.call('ZRANGE', done, 0, -1 - maxDone)) do
    redis.call('DEL', deliveryPrefix .. oldest)
    redis.call('ZREM', deliveries, oldest)
    redis.call('ZREM', done, oldest)
  end
end
noteFirstDue(receiversDue, receiver, pending)
return redis.call('ZCARD', pending)
