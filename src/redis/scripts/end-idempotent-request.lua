-- Said by the owner of a request with an Idempotency-Key: it goes on ('beat'), is done ('answer'), leaves it to the
-- next ('release') or has made nothing ('forget').
--
-- KEYS[1] entry: the hash of what is remembered of the request
-- KEYS[2] entries: all of the project
-- ARGV[1] owner
-- ARGV[2] how: 'beat', 'answer', 'release' or 'forget'
-- ARGV[3] answer, sealed, when it is done
-- Returns 1, or 0 when another owns it by now.

--- include now
--- include idempotency

local entry, entries = KEYS[1], KEYS[2]
local owner, how, answer = ARGV[1], ARGV[2], ARGV[3]

if redis.call('HGET', entry, entryField.owner) ~= owner then return 0 end
if how == 'forget' then
  redis.call('ZREM', entries, entry)
  return redis.call('DEL', entry)
end
if how == 'release' then redis.call('HSET', entry, entryField.heardOfAt, 0) end
if how == 'answer' then redis.call('HSET', entry, entryField.answer, answer) end
if how == 'beat' then redis.call('HSET', entry, entryField.heardOfAt, storeTime()) end
return 1
