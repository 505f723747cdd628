-- Writes fields of a hash if nobody else has changed it since it was read (compare and swap on its version).
--
-- KEYS[1] hash, with its version in the field `v`
-- ARGV[1] expected version
-- ARGV[2...] fields and their values in turn; '' removes a field
-- Returns 1, or 0 when it has another version or is gone.

local hash, expectedVersion = KEYS[1], ARGV[1]

if redis.call('HGET', hash, 'v') ~= expectedVersion then return 0 end
for i = 2, #ARGV, 2 do
  local field, value = ARGV[i], ARGV[i + 1]
  if value == '' then redis.call('HDEL', hash, field) else redis.call('HSET', hash, field, value) end
end
redis.call('HINCRBY', hash, 'v', 1)
return 1
