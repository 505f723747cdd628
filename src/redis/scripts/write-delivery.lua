-- Writes a delivery of a webhook if it still is what it was when it was read, with the indexes that it is in. A claim of it
-- ends.
--
-- KEYS[1] webhook: the hash of the receiver
-- KEYS[2] delivery
-- KEYS[3] deliveries of the webhook, by when they were created
-- KEYS[4] ready: those that are due, by when they were created
-- KEYS[5] later: those that are pending and not ready, by when they are due
-- KEYS[6] under way: those that are claimed, by when their claims end
-- KEYS[7] done deliveries of the webhook, by when they were done
-- KEYS[8] receivers that have pending deliveries, by when the first is due
-- ARGV[1] id
-- ARGV[2] member of the receiver in KEYS[8]
-- ARGV[3] delivery, as JSON
-- ARGV[4] created at (ms)
-- ARGV[5] due at (ms), or '' when it is done
-- ARGV[6] before: what it has to be now as JSON, or 'new'
-- ARGV[7] most that may be pending, or ''
-- ARGV[8] keep what is done for (s)
-- ARGV[9] most that are done and kept
-- ARGV[10] prefix of deliveries
-- Returns how many wait, that is, are due and not claimed; -1 when the delivery is something else by now; -2 when too many
-- are pending; -3 when the webhook is gone: then nothing of the delivery is left either.

--- include now
--- include pending

local webhook, key, deliveries, ready, later = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local underWay, done, receiversDue = KEYS[6], KEYS[7], KEYS[8]
local id, receiver, delivery, createdAt, dueAt = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local before, maxPending, keepSeconds, maxDone, deliveryPrefix = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

if redis.call('EXISTS', webhook) == 0 then
  -- The removal of the webhook takes the indexes away, or the sweep does should the removal have been cut off.
  redis.call('DEL', key)
  return -3
end
if (redis.call('GET', key) or 'new') ~= before then return -1 end
if maxPending ~= '' and countPending(ready, later) >= tonumber(maxPending) then return -2 end

local now = storeTime()
local keepMs = keepSeconds * 1000
redis.call('SET', key, delivery)
redis.call('ZADD', deliveries, createdAt, id)
-- What is pending may be older than what is done, but not by more than its tries take.
redis.call('ZREMRANGEBYSCORE', deliveries, '-inf', now - 2 * keepMs)
redis.call('ZREM', ready, id)
redis.call('ZREM', later, id)
redis.call('ZREM', underWay, id)
if dueAt ~= '' then
  -- What is new is due at once, even if the time of its event is ahead of the clock, which may have been set back.
  if before == 'new' or tonumber(dueAt) <= now then redis.call('ZADD', ready, createdAt, id)
  else redis.call('ZADD', later, dueAt, id) end
  redis.call('ZREM', done, id)
else
  redis.call('EXPIRE', key, keepSeconds)
  redis.call('ZADD', done, now, id)
  redis.call('ZREMRANGEBYSCORE', done, '-inf', now - keepMs)
  for _, oldest in ipairs(redis.call('ZRANGE', done, 0, -1 - maxDone)) do
    redis.call('DEL', deliveryPrefix .. oldest)
    redis.call('ZREM', deliveries, oldest)
    redis.call('ZREM', done, oldest)
  end
end
noteReceiverDue(receiversDue, receiver, ready, later)
return countWaiting(ready, later, now)
