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
-- KEYS[12] deleted: those of the project whose history is kept, by when they were deleted
-- ARGV[1] id
-- ARGV[2] name of the project
-- ARGV[3] resource as it is at last, as JSON
-- ARGV[4] history entry, as JSON
-- ARGV[5] prefix of the hashes of usage by day
-- ARGV[6] channel of changes
-- ARGV[7] max events of the event log
-- ARGV[8] keep history for (s)
-- ARGV[9] most histories of deleted sandboxes that are kept of a project
-- ARGV[10] prefix of histories
-- Returns 1, or 0 when it was gone already.

--- include now
--- include record
--- include usage
--- include event-log
--- include history
--- include outbox

local record, projectIndex, hostIndex, ports = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local project, eventLog, history, usageNow = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local outbox, webhooks, unstarted, deleted = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local id, projectName, resource, historyEntry = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local dayPrefix, changes, maxEvents = ARGV[5], ARGV[6], ARGV[7]
local keepHistorySeconds, mostHistories, historyPrefix = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]

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
addToHistory(history, historyEntry)
keepHistory(history, id, resource, event, deleted, historyPrefix, keepHistorySeconds, mostHistories)
addToOutbox(outbox, webhooks, projectName, historyEntry, resource)
return 1
