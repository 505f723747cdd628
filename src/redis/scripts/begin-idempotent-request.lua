-- Begins a request with an Idempotency-Key, or says what came of the first one with that key.
--
-- KEYS[1] entry: the hash of what is remembered of the request
-- KEYS[2] entries: all of the project, by when they began
-- ARGV[1] fingerprint of the request
-- ARGV[2] new seed, for a request that is the first
-- ARGV[3] owner: who works on it from now on
-- ARGV[4] keep it for (s)
-- ARGV[5] silent for (ms): an owner that was not heard of for so long is taken to be dead
-- ARGV[6] most: how many entries of a project are kept
-- Returns {'yours', seed}, {'answered', the sealed answer}, {'mismatch'} or {'in-flight'}.

--- include now
--- include idempotency

local entry, entries = KEYS[1], KEYS[2]
local fingerprint, newSeed, owner = ARGV[1], ARGV[2], ARGV[3]
local keepSeconds, silentMs, most = ARGV[4], tonumber(ARGV[5]), ARGV[6]

local now = storeTime()
local found = redis.call('HMGET', entry, entryField.fingerprint, entryField.seed, entryField.heardOfAt,
  entryField.answer)
local knownFingerprint, knownSeed, heardOfAt, answer = unpack(found, 1, 4)
if knownFingerprint and knownFingerprint ~= fingerprint then return { 'mismatch' } end
if answer then return { 'answered', answer } end
-- Absolute, for the clock may have been set back.
if knownFingerprint and math.abs(now - heardOfAt) < silentMs then return { 'in-flight' } end

local seed = knownSeed or newSeed
redis.call('HSET', entry, entryField.fingerprint, fingerprint, entryField.seed, seed, entryField.owner, owner,
  entryField.heardOfAt, now)
redis.call('EXPIRE', entry, keepSeconds)
redis.call('ZREMRANGEBYSCORE', entries, '-inf', now - keepSeconds * 1000)
redis.call('ZADD', entries, now, entry)
redis.call('EXPIRE', entries, keepSeconds)
for _, oldest in ipairs(redis.call('ZRANGE', entries, 0, -1 - most)) do
  redis.call('UNLINK', oldest)
  redis.call('ZREM', entries, oldest)
end
return { 'yours', seed }
