-- Writes a delivery of a webhook if it still is what it was when it was read, with the indexes that it is in.
--
-- KEYS[1] webhook: the hash of the receiver
-- KEYS[2] delivery
-- KEYS[3] deliveries of the webhook, by when they were created
-- KEYS[4] due: the deliveries of all projects that are to be tried, by when
-- KEYS[5] pending deliveries of the webhook, by when they were created
-- KEYS[6] done deliveries of the webhook, by when they were done
-- ARGV[1] id
-- ARGV[2] member of due
-- ARGV[3] delivery, as JSON
-- ARGV[4] created at (ms)
-- ARGV[5] due at (ms), or '' when it is done
-- ARGV[6] before: what it has to be now as JSON, or 'new'
-- ARGV[7] most that may be pending, or ''
-- ARGV[8] keep what is done for (s)
-- ARGV[9] most that are done and kept
-- ARGV[10] prefix of deliveries
-- Returns how many are pending, at least 1; 0 when the webhook is gone: then nothing of the delivery is left either; -1
-- when it is something else by now; -2 when too many are pending.

--- include now

local webhook, key, deliveries, due, pending, done = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, dueMember, delivery, createdAt, dueAt = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local before, maxPending, keepSeconds, maxDone, deliveryPrefix = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

if redis.call('EXISTS', webhook) == 0 then
  redis.call('DEL', key)
  redis.call('ZREM', due, dueMember)
  return 0
end
if (redis.call('GET', key) or 'new') ~= before then return -1 end
if maxPending ~= '' and redis.call('ZCARD', pending) >= tonumber(maxPending) then return -2 end

local now = storeTime()
local keepMs = keepSeconds * 1000
redis.call('SET', key, delivery)
redis.call('ZADD', deliveries, createdAt, id)
-- What is pending may be older than what is done, but not by more than its tries take.
redis.call('ZREMRANGEBYSCORE', deliveries, '-inf', now - 2 * keepMs)
if dueAt ~= '' then
  redis.call('ZADD', due, dueAt, dueMember)
  redis.call('ZADD', pending, createdAt, id)
  redis.call('ZREM', done, id)
else
  redis.call('ZREM', due, dueMember)
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
return math.max(1, redis.call('ZCARD', pending))
