-- Marks a project as being deleted: from then on nothing is added to it.
--
-- KEYS[1] project: the hash of the project
-- KEYS[2] project index: the sandboxes of the project
-- KEYS[3] projects that are being deleted
-- ARGV[1] name
-- ARGV[2] with sandboxes: '1' to take its sandboxes along, '0' when it must have none
-- ARGV[3] expected version, or '' for whichever
-- Returns 1, 0 when it has another version, or how many sandboxes are in the way, as a negative number.

local project, projectIndex, projectsDeleting = KEYS[1], KEYS[2], KEYS[3]
local name, withSandboxes, expectedVersion = ARGV[1], ARGV[2], ARGV[3]

local found = redis.call('HMGET', project, 'v', 'state')
local version, state = found[1], found[2]
if expectedVersion ~= '' and version ~= expectedVersion then return 0 end
if state ~= 'active' then return 1 end
local count = redis.call('ZCARD', projectIndex)
if count > 0 and withSandboxes ~= '1' then return -count end
redis.call('HSET', project, 'state', 'deleting')
redis.call('HINCRBY', project, 'v', 1)
redis.call('SADD', projectsDeleting, name)
return 1
