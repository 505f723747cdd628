-- Removes keys of a project that is being deleted.
--
-- KEYS[1] project: the hash of the project
-- KEYS[2...] what is to be removed, at least one key
-- ARGV[1] uid that the project must have
-- Returns 1, or 0 when the project with that uid is not being deleted any more: it is gone, and what is found under its
-- name is another's.

--- include project

local project, uid = KEYS[1], ARGV[1]

if not isDeleting(project, uid) then return 0 end
redis.call('UNLINK', unpack(KEYS, 2))
return 1
