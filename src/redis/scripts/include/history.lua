-- The history of a sandbox, a list: a stream takes 4 KiB, however short it is. Needs the includes `now` and `record` before
-- it. src/redis/fields.ts (historyRow) says how an entry is written.

-- Adds an entry, unless it is ''. Its id is after that of the entry before it, also where the clock was set back.
local function addToHistory(history, entry)
  if entry == '' then return end
  local lastMs, lastNumber = string.match(redis.call('LINDEX', history, -1) or '', '^(%d+)-(%d+) ')
  local ms, number = storeTime(), 0
  if lastMs and ms <= tonumber(lastMs) then ms, number = tonumber(lastMs), lastNumber + 1 end
  redis.call('RPUSH', history, string.format('%d-%d %s', ms, number, entry))
  redis.call('LTRIM', history, -200, -1)
end

-- That a sandbox was created is kept in its record (`created`) until the next thing happens to it; then it becomes the
-- first entry of the history.
local function moveCreatedToHistory(record, history, created)
  if not created then return end
  addToHistory(history, created)
  redis.call('HDEL', record, recordField.created)
end

-- Keeps the history of a sandbox that is being deleted, with what it was at last and the id of its last event, for who
-- still waits for its end: for a time, and no longer than it is one of the last `most` of its project.
local function keepHistory(history, id, sandbox, event, deleted, prefix, keepSeconds, most)
  redis.call('RPUSH', history, 'last ' .. event .. ' ' .. sandbox)
  redis.call('EXPIRE', history, keepSeconds)
  local now = storeTime()
  redis.call('ZADD', deleted, now, id)
  redis.call('ZREMRANGEBYSCORE', deleted, '-inf', now - keepSeconds * 1000)
  local tooMany = redis.call('ZCARD', deleted) - most
  if tooMany <= 0 then return end
  local oldest = redis.call('ZPOPMIN', deleted, tooMany)
  for i = 1, #oldest, 2 do redis.call('UNLINK', prefix .. oldest[i]) end
end
