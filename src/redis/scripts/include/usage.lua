-- What a project uses: now, in fields `used:NAME` of the project's hash, and over time, in counters.
--
-- There is one counter for the whole project, in the field `usage` of its hash, and one for each label of its sandboxes
-- that are awake, in a hash of their own. A counter is the text `COUNT:SINCE:MS:PEAK`: how many there are, since when
-- (ms), and of the day of SINCE the milliseconds that were used and the most that there were at once. What a counter
-- came to on one day is kept in a hash for each day, in the fields `ms:LABEL` and `peak:LABEL`.

local maxUsageNames, dayMs, keepUsageSeconds = 1000, 86400000, 34560000

-- Adds to the hash of one day. That has a bound too: labels beyond it are counted together.
local function addToDay(dayPrefix, day, name, ms, peak)
  local key = dayPrefix .. day
  local isNew = redis.call('HEXISTS', key, 'ms:' .. name) == 0
  if isNew and name ~= '' and redis.call('HLEN', key) >= 2 * maxUsageNames then name = '(other)' end
  redis.call('HINCRBY', key, 'ms:' .. name, ms)
  local peakBefore = tonumber(redis.call('HGET', key, 'peak:' .. name)) or 0
  if peakBefore < peak then redis.call('HSET', key, 'peak:' .. name, peak) end
  redis.call('EXPIRE', key, keepUsageSeconds)
end

-- Brings a counter up to now, adds delta, and returns what it is then: '' when its count is 0. If the clock was set
-- back, nothing is counted until it has caught up.
local function advanceCounter(dayPrefix, name, delta, now, text)
  local count, since, ms, peak = string.match(text or '', '(%d+):(%d+):(%d+):(%d+)')
  count, since, ms, peak = tonumber(count) or 0, tonumber(since) or now, tonumber(ms) or 0, tonumber(peak) or 0
  now = math.max(now, since)
  while math.floor(since / dayMs) < math.floor(now / dayMs) do
    local midnight = (math.floor(since / dayMs) + 1) * dayMs
    addToDay(dayPrefix, math.floor(since / dayMs), name, ms + count * (midnight - since), peak)
    since, ms, peak = midnight, 0, count
  end
  ms = ms + count * (now - since)
  count = math.max(0, count + delta)
  peak = math.max(peak, count)
  if count == 0 then
    addToDay(dayPrefix, math.floor(now / dayMs), name, ms, peak)
    return ''
  end
  return string.format('%d:%d:%d:%d', count, now, ms, peak)
end

-- Adds delta to the counters of these labels, a JSON list. A project that makes up ever new labels has those beyond the
-- bound counted together.
local function countLabels(usageNow, dayPrefix, names, delta, now)
  for _, name in ipairs(cjson.decode(names)) do
    local text = redis.call('HGET', usageNow, name)
    if not text and (delta < 0 or redis.call('HLEN', usageNow) >= maxUsageNames) then
      name = '(other)'
      text = redis.call('HGET', usageNow, name)
    end
    local counted = advanceCounter(dayPrefix, name, delta, now, text)
    if counted == '' then redis.call('HDEL', usageNow, name) else redis.call('HSET', usageNow, name, counted) end
  end
end

-- Adds delta to the counter of the whole project.
local function countProject(project, dayPrefix, delta, now)
  redis.call('HSET', project, 'usage', advanceCounter(dayPrefix, '', delta, now, redis.call('HGET', project, 'usage')))
end

-- Adds to what the project uses now: sandboxes that are awake, with their memory, disk (MiB), and sandboxes in all.
local function addToUsed(project, awake, memoryMiB, diskMiB, all)
  if all ~= 0 then redis.call('HINCRBY', project, 'used:sandboxes', all) end
  if awake ~= 0 then
    redis.call('HINCRBY', project, 'used:awake', awake)
    redis.call('HINCRBY', project, 'used:memoryMiB', awake * memoryMiB)
  end
  if diskMiB ~= 0 then redis.call('HINCRBY', project, 'used:diskMiB', diskMiB) end
end
