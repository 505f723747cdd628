-- Notes whether a receiver has just taken a delivery, and how many it may have under way from now on.
--
-- KEYS[1] webhook: the hash of the receiver
-- ARGV[1] taken: 1 or 0
-- ARGV[2] slots
-- Returns 1, or 0 when it is gone.

--- include now

local webhook = KEYS[1]
local taken, slots = ARGV[1], ARGV[2]

if redis.call('EXISTS', webhook) == 0 then return 0 end
local now = storeTime()
-- src/redis/fields.ts (webhookFields) names the fields.
redis.call('HSET', webhook, 'n', slots)
if taken == '1' then redis.call('HSET', webhook, 'ok', now) end
return 1
