-- Disables a webhook if nobody else has changed it since it was read (compare and swap on its version). The event that
-- tells of it is written with it, so that it cannot be lost.
--
-- KEYS[1] webhook: the hash of the receiver
-- KEYS[2] outbox
-- ARGV[1] expected version
-- ARGV[2] webhook, as JSON
-- ARGV[3] name of the project
-- ARGV[4] name of the event
-- ARGV[5] data of the event, as JSON
-- Returns 1, or 0 when it has another version or is gone.

local webhook, outbox = KEYS[1], KEYS[2]
local expectedVersion, resource, project, event, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

-- src/redis/fields.ts (webhookFields, outboxFields) names the fields.
if redis.call('HGET', webhook, 'v') ~= expectedVersion then return 0 end
redis.call('HSET', webhook, 'v', expectedVersion + 1, 'r', resource)
redis.call('XADD', outbox, '*', 'p', project, 'e', event, 'd', data)
return 1
