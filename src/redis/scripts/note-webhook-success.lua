-- Notes that a receiver has just taken a delivery.
--
-- KEYS[1] webhook: the hash of the receiver
-- Returns 1, or 0 when it is gone.

--- include now

local webhook = KEYS[1]

if redis.call('EXISTS', webhook) == 0 then return 0 end
local now = storeTime()
-- src/redis/fields.ts (webhookFields) names the fields.
redis.call('HSET', webhook, 'ok', now)
return 1
