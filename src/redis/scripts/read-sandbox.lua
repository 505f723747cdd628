-- Reads a sandbox for users of a project. Its position in the queue is put in here: it changes without a change of the
-- record.
--
-- KEYS[1] record: the hash of the sandbox
-- ARGV[1] name of the project that it must belong to
-- ARGV[2] id
-- Returns {resource as JSON, version}, or nil when it is not there or is another project's.

--- include record

local record, projectName, id = KEYS[1], ARGV[1], ARGV[2]

local found = redis.call('HMGET', record, recordField.project, recordField.resource, recordField.lane,
  recordField.version)
local project, resource, lane, version = unpack(found, 1, 4)
if project ~= projectName then return nil end
local position = lane and redis.call('ZRANK', lane, id)
if position then
  resource = string.gsub(resource, '"queuePosition":null', '"queuePosition":' .. (position + 1), 1)
end
return { resource, version }
