-- Reads sandboxes, whoever's they are.
--
-- KEYS[1...] records: the hashes of the sandboxes
-- Returns of each {project, resource as JSON, version}, all of them nil for one that is not there.

--- include record

local found = {}
for i, record in ipairs(KEYS) do
  found[i] = redis.call('HMGET', record, recordField.project, recordField.resource, recordField.version)
end
return found
