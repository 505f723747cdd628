-- Writes the record of a new sandbox if the key that asked for it is still valid and the project's limits allow it.
-- What counts it, what tells of it and what makes work of it is written with it, or nothing at all.
--
-- KEYS[1] record: the hash of the sandbox
-- KEYS[2] project: the hash of the project
-- KEYS[3] project index: the sandboxes of the project, by when they were created
-- KEYS[4] waiting: the sandboxes of the host that wait for their first turn, by when they have to be checked
-- KEYS[5] event log of the project
-- KEYS[6] turns of the host's starts
-- KEYS[7] lane of the project among the host's starts
-- KEYS[8] usage now: the counters of the project's labels
-- KEYS[9] outbox
-- KEYS[10] webhooks of the project
-- KEYS[11] audit log of the project
-- KEYS[12] api key: the hash of the key that asks
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
-- ARGV[13] channel of the host's dispatcher
-- ARGV[14] max events of the event log
-- ARGV[15] audit entry as JSON, or ''
-- ARGV[16] max entries of the audit log
-- ARGV[17] uid that the project must have, or ''
-- ARGV[18] next check at (ms): when it has to be checked even while it waits for its first turn
-- ARGV[19] hash that the API key must have, or ''
-- ARGV[20...] limits of a project that has no other, in the order of quotaFields
-- Returns {'created'}, {'key_ended'}, {'exists', resource}, {'not_found'} or {'deleting'} (said of the project), or
-- {'quota', name of the limit, its value, what is used, try again in ms}.

--- include now
--- include record
--- include usage
--- include quotas
--- include event-log
--- include outbox
--- include audit
--- include lanes

local record, project, projectIndex, waiting = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local eventLog, turns, lane, usageNow = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local outbox, webhooks, auditLog, apiKey = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local id, projectName, createdAt, resource, internal = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local memoryMiB, diskMiB, ttlSeconds = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local usageNames, historyEntry, dayPrefix = ARGV[9], ARGV[10], ARGV[11]
local changes, dispatcherCalls, maxEvents = ARGV[12], ARGV[13], ARGV[14]
local auditEntry, maxAuditEntries, expectedUid = ARGV[15], ARGV[16], ARGV[17]
local nextCheckAt, keyHash = ARGV[18], ARGV[19]
local defaultQuotas = { unpack(ARGV, 20) }

local now, time = storeTime()
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

redis.call('HSET', record, recordField.version, '1', recordField.project, projectName, recordField.lane, lane,
  recordField.resource, resource, recordField.internal, internal, recordField.projectUid, uid, recordField.awake, '1',
  recordField.memoryMiB, memoryMiB, recordField.diskMiB, diskMiB, recordField.usageNames, usageNames,
  recordField.created, historyEntry)
redis.call('ZADD', projectIndex, createdAt, id)
redis.call('ZADD', waiting, nextCheckAt, id)
if usageNames ~= '[]' then countLabels(usageNow, dayPrefix, usageNames, 1, now) end
appendEvent(eventLog, maxEvents, changes, projectName, id, 'added', resource)
addToOutbox(outbox, webhooks, projectName, historyEntry, resource)
if auditEntry ~= '' then addAudit(auditLog, maxAuditEntries, auditEntry) end
enqueue(turns, lane, projectName, id, dispatcherCalls, time)
return { 'created' }
