-- Removes what add-to-project.lua has added.
--
-- KEYS[1] hash of what is removed, with its version in the field `v`
-- KEYS[2] index: all of its kind that the project has
-- ARGV[1] member of the index
-- ARGV[2] expected version, or '' for whichever
-- Returns 1, or 0 when it has another version or is gone.

local hash, index = KEYS[1], KEYS[2]
local member, expectedVersion = ARGV[1], ARGV[2]

local version = redis.call('HGET', hash, 'v')
if not version or (expectedVersion ~= '' and version ~= expectedVersion) then return 0 end
redis.call('DEL', hash)
redis.call('ZREM', index, member)
return 1
