-- The time by the clock of Redis, which is the same for all hosts, in milliseconds since 1970.
local function storeTime()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
