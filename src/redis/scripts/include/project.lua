-- Whether the project is still the one with this uid, and being deleted. One that was made later under the same name
-- has another uid.
local function isDeleting(project, uid)
  local found = redis.call('HMGET', project, 'uid', 'state')
  return found[1] == uid and found[2] == 'deleting'
end
