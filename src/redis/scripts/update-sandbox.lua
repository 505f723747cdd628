-- Writes a changed record if nobody else has changed it since it was read (compare and swap on its version), with what
-- counts it and what tells of it. The port that it names is leased with it, and the one that it no longer names is given
-- back: so whatever dies, a lease has a record, and a record its lease.
--
-- KEYS[1] record: the hash of the sandbox
-- KEYS[2] project: the hash of the project
-- KEYS[3] event log of the project
-- KEYS[4] history of the sandbox
-- KEYS[5] usage now: the counters of the project's labels
-- KEYS[6] outbox
-- KEYS[7] webhooks of the project
-- KEYS[8] unstarted: the sandboxes of the runtime that have not started yet, by when they have to be checked
-- KEYS[9] host index before: the sandboxes of the host that had it
-- KEYS[10] host index after: the sandboxes of the host that has it from now on
-- KEYS[11] ports before: who leases which port of the host that had it
-- KEYS[12] ports after: who leases which port of the host that has it from now on
-- ARGV[1] id
-- ARGV[2] name of the project
-- ARGV[3] expected version
-- ARGV[4] resource, as JSON
-- ARGV[5] internal: what only workers need, as JSON
-- ARGV[6] credentials, sealed, or '' to leave them as they are
-- ARGV[7] awake: '1', '0', or '' to leave it as it is
-- ARGV[8] usage names: the labels that it counts for, as a JSON list
-- ARGV[9] history entry as JSON, or ''
-- ARGV[10] prefix of the hashes of usage by day
-- ARGV[11] channel of changes
-- ARGV[12] max events of the event log
-- ARGV[13] next check at (ms): when it has to be checked even while it waits for its start, or '' once it has started
-- ARGV[14] host before: the host that had it, or ''
-- ARGV[15] host after: the host that has it from now on, or ''
-- ARGV[16] port before: of the host that had it, or ''
-- ARGV[17] port after: of the host that has it from now on, or ''
-- Returns 'written', 'changed' when the record has another version or is gone, or 'port_taken' when another sandbox leases
-- the port.

--- include now
--- include record
--- include usage
--- include event-log
--- include history
--- include outbox

local record, project, eventLog, history = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local usageNow, outbox, webhooks, unstarted = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local hostIndexBefore, hostIndexAfter, portsBefore, portsAfter = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local id, projectName, expectedVersion = ARGV[1], ARGV[2], ARGV[3]
local resource, internal, credentials = ARGV[4], ARGV[5], ARGV[6]
local givenAwake, usageNames, historyEntry, dayPrefix = ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local changes, maxEvents, nextCheckAt = ARGV[11], ARGV[12], ARGV[13]
local hostBefore, hostAfter, portBefore, portAfter = ARGV[14], ARGV[15], ARGV[16], ARGV[17]

local before = redis.call('HMGET', record, recordField.version, recordField.awake, recordField.memoryMiB,
  recordField.usageNames, recordField.created)
local version, wasAwake, memoryMiB, usageNamesBefore, created = unpack(before, 1, 5)
if version ~= expectedVersion then return 'changed' end
if hostBefore ~= hostAfter or portBefore ~= portAfter then
  local owner = portAfter ~= '' and redis.call('HGET', portsAfter, portAfter)
  if owner and owner ~= id then return 'port_taken' end
  if portBefore ~= '' and redis.call('HGET', portsBefore, portBefore) == id then
    redis.call('HDEL', portsBefore, portBefore)
  end
  if portAfter ~= '' then redis.call('HSET', portsAfter, portAfter, id) end
end

local awake = givenAwake == '' and wasAwake or givenAwake
redis.call('HSET', record, recordField.version, expectedVersion + 1, recordField.resource, resource,
  recordField.internal, internal)
if nextCheckAt == '' then redis.call('ZREM', unstarted, id) else redis.call('ZADD', unstarted, nextCheckAt, id) end
if hostBefore ~= hostAfter then
  if hostBefore ~= '' then redis.call('ZREM', hostIndexBefore, id) end
  if hostAfter ~= '' then redis.call('ZADD', hostIndexAfter, 0, id) end
end
if credentials ~= '' then redis.call('HSET', record, recordField.credentials, credentials) end
-- What has failed starts no more.
if awake == '0' then redis.call('HDEL', record, recordField.credentials) end
if awake ~= wasAwake or usageNames ~= usageNamesBefore then
  local now = storeTime()
  redis.call('HSET', record, recordField.awake, awake, recordField.usageNames, usageNames)
  if awake ~= wasAwake then
    addToUsed(project, awake - wasAwake, tonumber(memoryMiB), 0, 0)
    countProject(project, dayPrefix, awake - wasAwake, now)
  end
  if wasAwake == '1' then countLabels(usageNow, dayPrefix, usageNamesBefore, -1, now) end
  if awake == '1' then countLabels(usageNow, dayPrefix, usageNames, 1, now) end
end
local labelsBefore = usageNames ~= usageNamesBefore and usageNamesBefore
appendEvent(eventLog, maxEvents, changes, projectName, id, 'modified', resource, labelsBefore)
moveCreatedToHistory(record, history, created)
addToHistory(history, historyEntry)
addToOutbox(outbox, webhooks, projectName, historyEntry, resource)
return 'written'
