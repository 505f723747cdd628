-- Removes the last of a project that was being deleted, and tells that it is gone.
--
-- KEYS[1] project: the hash of the project
-- KEYS[2] projects: all of them
-- KEYS[3] projects that are being deleted
-- KEYS[4] audit log of the project
-- ARGV[1] uid that the project must have
-- ARGV[2] name
-- ARGV[3] keep the audit log for (s)
-- ARGV[4] channel of changes
-- Returns 1, or 0 when the project with that uid is not being deleted any more.

--- include project

local project, projects, projectsDeleting, auditLog = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local uid, name, keepAuditSeconds, changes = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if not isDeleting(project, uid) then return 0 end
redis.call('DEL', project)
redis.call('ZREM', projects, name)
redis.call('SREM', projectsDeleting, name)
redis.call('EXPIRE', auditLog, keepAuditSeconds)
redis.call('PUBLISH', changes, 'project:' .. uid)
return 1
