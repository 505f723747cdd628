-- Finds the hosts that reported not long ago, by the clock of Redis.
--
-- KEYS[1] hosts: the reports, by name
-- ARGV[1] alive for (ms): how long a report counts
-- Returns their reports, as JSON each.

--- include now

local hosts, aliveForMs = KEYS[1], tonumber(ARGV[1])

local now = storeTime()
local alive = {}
for _, text in ipairs(redis.call('HVALS', hosts)) do
  local reportedAt, report = string.match(text, '^(%d+) (.*)$')
  if reportedAt and now - reportedAt < aliveForMs then table.insert(alive, report) end
end
return alive
