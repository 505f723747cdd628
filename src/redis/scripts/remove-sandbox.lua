-- Removes a record and everything in the store that is only about it, but for its history, and tells of it.
--
-- KEYS[1] record: the hash of the sandbox
-- KEYS[2] project index: the sandboxes of the project
-- KEYS[3] host index: the sandboxes of the host
-- KEYS[4] ports: who leases which port of the host
-- KEYS[5] project: the hash of the project
-- KEYS[6] event log of the project
-- KEYS[7] history of the sandbox
-- KEYS[8] usage now: the counters of the project's labels
-- KEYS[9] outbox
-- KEYS[10] webhooks of the project
-- KEYS[11] unstarted: the sandboxes of the runtime that have not started yet
-- ARGV[1] id
-- ARGV[2] name of the project
-- ARGV[3] resource as it is at last, as JSON
-- ARGV[4] history entry, as JSON
-- ARGV[5] prefix of the hashes of usage by day
-- ARGV[6] channel of changes
-- ARGV[7] max events of the event log
-- ARGV[8] keep history for (s)
-- Returns 1, or 0 when it was gone already.

--- include now
--- include record
--- include usage
--- include event-log
--- include history
--- include outbox

local record, projectIndex, hostIndex, ports = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local project, eventLog, history, usageNow = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local outbox, webhooks, unstarted = KEYS[9], KEYS[10], KEYS[11]
local id, projectName, resource, historyEntry = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local dayPrefix, changes, maxEvents, keepHistorySeconds = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local before = redis.call('HMGET', record, recordField.awake, recordField.memoryMiB, recordField.diskMiB,
  recordField.usageNames, recordField.created)
local awake, memoryMiB, diskMiB, usageNames, created = unpack(before, 1, 5)
if not awake then return 0 end

moveCreatedToHistory(record, history, created)
redis.call('DEL', record)
redis.call('ZREM', projectIndex, id)
redis.call('ZREM', hostIndex, id)
redis.call('ZREM', unstarted, id)
local leases = redis.call('HGETALL', ports)
for i = 1, #leases, 2 do
  local port, owner = leases[i], leases[i + 1]
  if owner == id then redis.call('HDEL', ports, port) end
end
addToUsed(project, -tonumber(awake), tonumber(memoryMiB), -tonumber(diskMiB), -1)
if awake == '1' then
  local now = storeTime()
  countProject(project, dayPrefix, -1, now)
  countLabels(usageNow, dayPrefix, usageNames, -1, now)
end
local event = appendEvent(eventLog, maxEvents, changes, projectName, id, 'deleted', resource)
-- With what it was at last and the id of its last event, for who still waits for its end.
redis.call('XADD', history, '*', 'j', historyEntry, 's', resource, 'f', event)
addToOutbox(outbox, webhooks, projectName, historyEntry, resource)
redis.call('EXPIRE', history, keepHistorySeconds)
return 1
