-- Adds something that a project has so many of at most, as a key or a webhook. Adding it again writes it again.
--
-- KEYS[1] project: the hash of the project
-- KEYS[2] hash of what is added
-- KEYS[3] index: all of its kind that the project has
-- ARGV[1] member of the index
-- ARGV[2] score in the index
-- ARGV[3] most: how many the project may have
-- ARGV[4...] fields of the hash and their values in turn
-- Returns 1, 0 when there are too many, -1 when there is no such project, -2 when it is being deleted.

local project, hash, index = KEYS[1], KEYS[2], KEYS[3]
local member, score, most = ARGV[1], ARGV[2], tonumber(ARGV[3])

local state = redis.call('HGET', project, 'state')
if state ~= 'active' then return state and -2 or -1 end
local known = redis.call('ZSCORE', index, member)
if not known and redis.call('ZCARD', index) >= most then return 0 end
redis.call('HSET', hash, unpack(ARGV, 4))
redis.call('ZADD', index, score, member)
return 1
