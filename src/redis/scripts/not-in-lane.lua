-- Finds the sandboxes that are not in their lane.
--
-- KEYS[1...] records: the hashes of the sandboxes
-- ARGV[1...] their ids
-- Returns the ids of those that are not in their lane.

--- include record

local found = {}
for i, record in ipairs(KEYS) do
  local lane = redis.call('HGET', record, recordField.lane)
  if not lane or not redis.call('ZSCORE', lane, ARGV[i]) then found[#found + 1] = ARGV[i] end
end
return found
