-- Notes when an API key was last used.
--
-- KEYS[1] api key: the hash of the key
-- ARGV[1] now (ms)
-- Returns 1, or 0 when it is gone.

local apiKey, now = KEYS[1], ARGV[1]

if redis.call('EXISTS', apiKey) == 0 then return 0 end
redis.call('HSET', apiKey, 'usedAt', now)
return 1
