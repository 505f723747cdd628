-- Writes the record of a new sandbox if the key that asked for it is still valid and the project's limits allow it.
-- What counts it and what tells of it is written with it, or nothing at all. It also gives the start its priority, so that
-- a create does not wait for a write of its own for that.
--
-- KEYS[1] record: the hash of the sandbox
-- KEYS[2] project: the hash of the project
-- KEYS[3] project index: the sandboxes of the project, by when they were created
-- KEYS[4] unstarted: the sandboxes of the runtime that have not started yet, by when they have to be checked
-- KEYS[5] event log of the project
-- KEYS[6] usage now: the counters of the project's labels
-- KEYS[7] outbox
-- KEYS[8] webhooks of the project
-- KEYS[9] audit log of the project
-- KEYS[10] api key: the hash of the key that asks
-- KEYS[11] fairness: the priorities that were given out for the queue of starts
-- ARGV[1] id
-- ARGV[2] name of the project
-- ARGV[3] created at (ms)
-- ARGV[4] resource, as JSON
-- ARGV[5] internal: what only workers need, as JSON
-- ARGV[6] memory (MiB)
-- ARGV[7] disk (MiB)
-- ARGV[8] time to live (s), -1 for no end
-- ARGV[9] usage names: the labels that it counts for, as a JSON list
-- ARGV[10] history entry, as JSON
-- ARGV[11] prefix of the hashes of usage by day
-- ARGV[12] channel of changes
-- ARGV[13] max events of the event log
-- ARGV[14] audit entry as JSON, or ''
-- ARGV[15] max entries of the audit log
-- ARGV[16] uid that the project must have, or ''
-- ARGV[17] next check at (ms): when it has to be checked even while it waits for its start
-- ARGV[18] hash that the API key must have, or ''
-- ARGV[19] lowest priority that there is
-- ARGV[20...] limits of a project that has no other, in the order of quotaFields
-- Returns {'created', priority}, {'key_ended'}, {'exists', resource}, {'not_found'} or {'deleting'} (said of the project), or
-- {'quota', name of the limit, its value, what is used, try again in ms}.

--- include now
--- include record
--- include usage
--- include quotas
--- include event-log
--- include outbox
--- include audit
--- include next-priority

local record, project, projectIndex, unstarted = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local eventLog, usageNow, outbox, webhooks = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local auditLog, apiKey, fairness = KEYS[9], KEYS[10], KEYS[11]
local id, projectName, createdAt, resource, internal = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local memoryMiB, diskMiB, ttlSeconds = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local usageNames, historyEntry, dayPrefix = ARGV[9], ARGV[10], ARGV[11]
local changes, maxEvents = ARGV[12], ARGV[13]
local auditEntry, maxAuditEntries, expectedUid = ARGV[14], ARGV[15], ARGV[16]
local nextCheckAt, keyHash, lowestPriority = ARGV[17], ARGV[18], tonumber(ARGV[19])
local defaultQuotas = { unpack(ARGV, 20) }

local now = storeTime()
if keyHash ~= '' then
  local key = redis.call('HMGET', apiKey, 'hash', 'revokedAt', 'expiresAt')
  if key[1] ~= keyHash or key[2] or (key[3] and tonumber(key[3]) <= now) then return { 'key_ended' } end
end
if redis.call('EXISTS', record) == 1 then return { 'exists', redis.call('HGET', record, recordField.resource) } end

local given = redis.call('HMGET', project, unpack(quotaFields))
local uid, state = given[1], given[2]
if not uid or (expectedUid ~= '' and uid ~= expectedUid) then return { 'not_found' } end
if state == 'deleting' then return { 'deleting' } end
local exceeded = takeQuota(project, given, defaultQuotas, memoryMiB, diskMiB, ttlSeconds, dayPrefix, now)
if exceeded then return { 'quota', unpack(exceeded) } end

redis.call('HSET', record, recordField.version, '1', recordField.project, projectName,
  recordField.resource, resource, recordField.internal, internal, recordField.projectUid, uid, recordField.awake, '1',
  recordField.memoryMiB, memoryMiB, recordField.diskMiB, diskMiB, recordField.usageNames, usageNames,
  recordField.created, historyEntry)
redis.call('ZADD', projectIndex, createdAt, id)
redis.call('ZADD', unstarted, nextCheckAt, id)
if usageNames ~= '[]' then countLabels(usageNow, dayPrefix, usageNames, 1, now) end
appendEvent(eventLog, maxEvents, changes, projectName, id, 'added', resource)
addToOutbox(outbox, webhooks, projectName, historyEntry, resource)
if auditEntry ~= '' then addAudit(auditLog, maxAuditEntries, auditEntry) end
return { 'created', nextPriority(fairness, projectName, lowestPriority) }
