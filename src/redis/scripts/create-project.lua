-- Makes a project. Whoever makes it again with the same uid finds it made.
--
-- KEYS[1] project: the hash of the project
-- KEYS[2] projects: all of them, by when they were created
-- ARGV[1] name
-- ARGV[2] uid
-- ARGV[3...] further fields and their values in turn, at least one
-- Returns 1, or 0 when there is another project of that name.

--- include now

local project, projects = KEYS[1], KEYS[2]
local name, uid = ARGV[1], ARGV[2]

local knownUid = redis.call('HGET', project, 'uid')
if knownUid then return knownUid == uid and 1 or 0 end
redis.call('DEL', project)
-- By the clock that its event log goes by: positions before are of an earlier project.
local now = storeTime()
redis.call('HSET', project, 'v', '1', 'state', 'active', 'createdAt', now, 'uid', uid, unpack(ARGV, 3))
redis.call('ZADD', projects, now, name)
return 1
