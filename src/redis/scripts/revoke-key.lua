-- Revokes an API key. What is known of it stays for a while, so that its user is told what happened.
--
-- KEYS[1] api key: the hash of the key
-- KEYS[2] keys of the project
-- KEYS[3] revoked keys of the project, by when they were revoked
-- KEYS[4] prefix of the hashes of keys
-- ARGV[1] id
-- ARGV[2] now (ms)
-- ARGV[3] keep it for (s)
-- ARGV[4] most: how many revoked keys of a project are kept
-- ARGV[5] channel of changes
-- Returns 1.

local apiKey, projectKeys, revokedKeys, keyPrefix = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, now, keepSeconds, most, changes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

redis.call('HSET', apiKey, 'revokedAt', now)
redis.call('EXPIRE', apiKey, keepSeconds)
redis.call('ZREM', projectKeys, id)
redis.call('ZADD', revokedKeys, now, id)
redis.call('ZREMRANGEBYSCORE', revokedKeys, '-inf', now - keepSeconds * 1000)
for _, oldest in ipairs(redis.call('ZRANGE', revokedKeys, 0, -1 - most)) do
  redis.call('DEL', keyPrefix .. oldest)
  redis.call('ZREM', revokedKeys, oldest)
end
redis.call('PUBLISH', changes, 'key:' .. id)
return 1
