-- The limits of a project. Needs the include `usage` before it.

-- What a create has to know of a project, in the order in which takeQuota reads it.
local quotaFields = { 'uid', 'state',
  'q:sandboxes', 'q:awake', 'q:startsPerMinute', 'q:maxTtlSeconds', 'q:memoryMiB', 'q:diskMiB',
  'used:sandboxes', 'used:awake', 'used:memoryMiB', 'used:diskMiB', 'startsAt', 'usage' }

-- Counts a new sandbox if the limits allow it, and returns nil. Else returns the first limit that does not: its name,
-- its value, what is used, and in how many milliseconds to try again. `given` are the values of quotaFields, `defaults`
-- the limits of the service in the order of quotaFields.
local function takeQuota(project, given, defaults, memoryMiB, diskMiB, ttlSeconds, dayPrefix, now)
  local limit, used = {}, {}
  for i = 1, 6 do limit[i] = tonumber(given[i + 2] or defaults[i]) end
  for i = 1, 5 do used[i] = tonumber(given[i + 8]) or 0 end
  if used[1] + 1 > limit[1] then return { 'sandboxes', limit[1], used[1], 0 } end
  if used[2] + 1 > limit[2] then return { 'awake', limit[2], used[2], 0 } end
  if used[3] + memoryMiB > limit[5] then return { 'memoryMiB', limit[5], used[3], 0 } end
  if used[4] + diskMiB > limit[6] then return { 'diskMiB', limit[6], used[4], 0 } end
  if limit[4] >= 0 and (ttlSeconds < 0 or ttlSeconds > limit[4]) then
    return { 'maxTtlSeconds', limit[4], ttlSeconds, 0 }
  end
  -- The generic cell rate algorithm (ITU-T I.371): a minute's worth at once, then one every 60 s / limit. What lies
  -- further ahead was written before the clock was set back.
  local every = 60000 / limit[3]
  local at = math.max(math.min(used[5], now + 60000), now) + every
  if at - now > 60000 + every / 2 then
    return { 'startsPerMinute', limit[3], limit[3], math.ceil(at - now - 60000) }
  end
  redis.call('HSET', project, 'used:sandboxes', used[1] + 1, 'used:awake', used[2] + 1,
    'used:memoryMiB', used[3] + memoryMiB, 'used:diskMiB', used[4] + diskMiB, 'startsAt', string.format('%.3f', at),
    'usage', advanceCounter(dayPrefix, '', 1, now, given[14]))
  return nil
end
