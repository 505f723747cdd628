-- The history of a sandbox. Needs the include `record` before it. src/redis/fields.ts (HistoryRow) names the fields.

-- That a sandbox was created is kept in its record (`created`) until the next thing happens to it; then it becomes the
-- first entry of the history.
local function moveCreatedToHistory(record, history, created)
  if not created then return end
  redis.call('XADD', history, '*', 'j', created)
  redis.call('HDEL', record, recordField.created)
end

-- Adds an entry, unless it is ''.
local function addToHistory(history, entry)
  if entry ~= '' then redis.call('XADD', history, 'MAXLEN', '~', 200, '*', 'j', entry) end
end
