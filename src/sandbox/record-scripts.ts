import { luaNow } from '../redis/clock.ts';
import { auditFunction } from '../tenancy/audit.ts';
import { laneFunctions } from './lane-scripts.ts';

/**
 * The writes of records, as Lua: the record, what counts it, what tells of it and what makes work of it change together
 * or not at all.
 *
 * A record is a hash: `v` its version, `p` its project, `r` the resource as users see it and `i` what only workers need
 * (both JSON), `s` its sealed credentials, `w` whether it counts as awake, `m` and `d` the MiB of memory and disk that it
 * holds, `u` the usage counters that it is in (JSON), `l` its lane among the starts, `o` the uid of
 * its project, `n` that it was created, until that is in its history. What a project uses is counted in the project's own
 * hash.
 */
const common = `
  local maxUsageNames, dayMs, keepUsageSeconds = 1000, 86400000, 34560000

  -- What a counter came to on one day goes into the hash of that day, which has a bound too.
  local function flush(dayPrefix, day, name, ms, peak)
    local key = dayPrefix .. day
    local isNew = redis.call('HEXISTS', key, 'ms:' .. name) == 0
    if isNew and name ~= '' and redis.call('HLEN', key) >= 2 * maxUsageNames then name = '(other)' end
    redis.call('HINCRBY', key, 'ms:' .. name, ms)
    if (tonumber(redis.call('HGET', key, 'peak:' .. name)) or 0) < peak then redis.call('HSET', key, 'peak:' .. name, peak) end
    redis.call('EXPIRE', key, keepUsageSeconds)
  end

  -- A counter is 'count:since:ms:peak', the last two of the day of since. Brings it up to now, adds delta, and returns
  -- what it is then: '' when it is at nothing. A clock that is set back counts nothing until it is where it was.
  local function advance(dayPrefix, name, delta, now, text)
    local count, since, ms, peak = string.match(text or '', '(%d+):(%d+):(%d+):(%d+)')
    count, since, ms, peak = tonumber(count) or 0, tonumber(since) or now, tonumber(ms) or 0, tonumber(peak) or 0
    now = math.max(now, since)
    while math.floor(since / dayMs) < math.floor(now / dayMs) do
      local midnight = (math.floor(since / dayMs) + 1) * dayMs
      flush(dayPrefix, math.floor(since / dayMs), name, ms + count * (midnight - since), peak)
      since, ms, peak = midnight, 0, count
    end
    ms = ms + count * (now - since)
    count = math.max(0, count + delta)
    peak = math.max(peak, count)
    if count == 0 then
      flush(dayPrefix, math.floor(now / dayMs), name, ms, peak)
      return ''
    end
    return string.format('%d:%d:%d:%d', count, now, ms, peak)
  end

  -- Of a project that makes up ever new labels, those beyond the bound are counted together.
  local function countUsage(usageNow, dayPrefix, names, delta, now)
    for _, name in ipairs(cjson.decode(names)) do
      local text = redis.call('HGET', usageNow, name)
      if not text and (delta < 0 or redis.call('HLEN', usageNow) >= maxUsageNames) then
        name = '(other)'
        text = redis.call('HGET', usageNow, name)
      end
      local counted = advance(dayPrefix, name, delta, now, text)
      if counted == '' then redis.call('HDEL', usageNow, name) else redis.call('HSET', usageNow, name, counted) end
    end
  end

  -- The counter of the whole project is in its hash, which each create reads and writes anyway.
  local function countTotal(project, dayPrefix, delta, now)
    redis.call('HSET', project, 'usage', advance(dayPrefix, '', delta, now, redis.call('HGET', project, 'usage')))
  end

  local function hold(project, awake, memory, disk, all)
    if all ~= 0 then redis.call('HINCRBY', project, 'used:sandboxes', all) end
    if awake ~= 0 then
      redis.call('HINCRBY', project, 'used:awake', awake)
      redis.call('HINCRBY', project, 'used:memoryMiB', awake * memory)
    end
    if disk ~= 0 then redis.call('HINCRBY', project, 'used:diskMiB', disk) end
  end

  -- With the usage names of before where labels changed: a watch by label has to know what left it.
  local function tell(feed, feedLength, channel, project, id, kind, sandbox, before)
    local event = redis.call('XADD', feed, 'MAXLEN', '~', feedLength, '*', 't', kind, 'i', id, 's', sandbox, 'b', before or '')
    redis.call('PUBLISH', channel, project .. ' ' .. id)
    return event
  end

  -- That a sandbox was created is kept in its record until the next thing happens to it.
  local function noteBegin(record, history, begin)
    if not begin then return end
    redis.call('XADD', history, '*', 'j', begin)
    redis.call('HDEL', record, 'n')
  end

  local function note(history, entry)
    if entry ~= '' then redis.call('XADD', history, 'MAXLEN', '~', 200, '*', 'j', entry) end
  end

  local function send(outbox, webhooks, project, entry, sandbox)
    if entry ~= '' and redis.call('EXISTS', webhooks) == 1 then
      redis.call('XADD', outbox, '*', 'p', project, 'j', entry, 's', sandbox)
    end
  end
`;

const quotas = `
  local projectFields = { 'uid', 'state',
    'q:sandboxes', 'q:awake', 'q:startsPerMinute', 'q:maxTtlSeconds', 'q:memoryMiB', 'q:diskMiB',
    'used:sandboxes', 'used:awake', 'used:memoryMiB', 'used:diskMiB', 'startsAt', 'usage' }

  -- Takes what a new sandbox needs out of the limits; or tells the first that does not allow it, what it is, what is used,
  -- and in how many ms to try again.
  local function take(project, given, defaults, memory, disk, ttl, dayPrefix, now)
    local limit, used = {}, {}
    for i = 1, 6 do limit[i] = tonumber(given[i + 2] or defaults[i]) end
    for i = 1, 5 do used[i] = tonumber(given[i + 8]) or 0 end
    if used[1] + 1 > limit[1] then return { 'sandboxes', limit[1], used[1], 0 } end
    if used[2] + 1 > limit[2] then return { 'awake', limit[2], used[2], 0 } end
    if used[3] + memory > limit[5] then return { 'memoryMiB', limit[5], used[3], 0 } end
    if used[4] + disk > limit[6] then return { 'diskMiB', limit[6], used[4], 0 } end
    if limit[4] >= 0 and (ttl < 0 or ttl > limit[4]) then return { 'maxTtlSeconds', limit[4], ttl, 0 } end
    -- The generic cell rate algorithm (ITU-T I.371): a minute's worth at once, then one every 60 s / limit. What lies
    -- further ahead was written before the clock was set back.
    local every = 60000 / limit[3]
    local at = math.max(math.min(used[5], now + 60000), now) + every
    if at - now > 60000 + every / 2 then
      return { 'startsPerMinute', limit[3], limit[3], math.ceil(at - now - 60000) }
    end
    redis.call('HSET', project, 'used:sandboxes', used[1] + 1, 'used:awake', used[2] + 1,
      'used:memoryMiB', used[3] + memory, 'used:diskMiB', used[4] + disk, 'startsAt', string.format('%.3f', at),
      'usage', advance(dayPrefix, '', 1, now, given[14]))
  end
`;

export const recordScripts = {
  /**
   * record, project, project index, waiting of the host, feed, turns, lane, usage now, outbox, webhooks, audit, key | id, project, created at (ms), resource, internal, memory, disk, ttl or -1, usage names, history entry, usage day
   * prefix, changes channel, lane calls channel, feed length, audit entry or '', uid of the project or '' for whichever, when it needs a look,
   * hash that the key must have or '' for none, default quotas... ->
   * {'created'} or {'key_ended'} or {'exists', resource} or {'not_found'} or {'deleting'} or {'quota', limit, value, used, retry ms}
   */
  spCreate: {
    numberOfKeys: 12,
    lua: `${common}${quotas}${laneFunctions}${auditFunction}
      ${luaNow}
      if ARGV[18] ~= '' then
        local key = redis.call('HMGET', KEYS[12], 'hash', 'revokedAt', 'expiresAt')
        if key[1] ~= ARGV[18] or key[2] or (key[3] and tonumber(key[3]) <= now) then return { 'key_ended' } end
      end
      if redis.call('EXISTS', KEYS[1]) == 1 then return { 'exists', redis.call('HGET', KEYS[1], 'r') } end
      local given = redis.call('HMGET', KEYS[2], unpack(projectFields))
      if not given[1] or (ARGV[16] ~= '' and given[1] ~= ARGV[16]) then return { 'not_found' } end
      if given[2] == 'deleting' then return { 'deleting' } end
      local memory, disk = tonumber(ARGV[6]), tonumber(ARGV[7])
      local exceeded = take(KEYS[2], given, { unpack(ARGV, 19) }, memory, disk, tonumber(ARGV[8]), ARGV[11], now)
      if exceeded then return { 'quota', unpack(exceeded) } end
      redis.call('HSET', KEYS[1], 'v', '1', 'p', ARGV[2], 'l', KEYS[7], 'r', ARGV[4], 'i', ARGV[5],
        'o', given[1], 'w', '1', 'm', memory, 'd', disk, 'u', ARGV[9], 'n', ARGV[10])
      redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
      redis.call('ZADD', KEYS[4], ARGV[17], ARGV[1])
      if ARGV[9] ~= '[]' then countUsage(KEYS[8], ARGV[11], ARGV[9], 1, now) end
      tell(KEYS[5], ARGV[14], ARGV[12], ARGV[2], ARGV[1], 'added', ARGV[4])
      send(KEYS[9], KEYS[10], ARGV[2], ARGV[10], ARGV[4])
      if ARGV[15] ~= '' then addAudit(KEYS[11], ARGV[15]) end
      enqueue(KEYS[6], KEYS[7], ARGV[2], ARGV[1], ARGV[13], time)
      return { 'created' }`,
  },
  /**
   * record, project, feed, history, usage now, outbox, webhooks, waiting of the host | id, project, expected version, resource, internal,
   * sealed or '', awake '1', '0' or '' for as before, usage names, history entry or '', usage day prefix, changes
   * channel, feed length, when it needs a look -> 1, or 0 for a lost swap
   */
  spSwap: {
    numberOfKeys: 8,
    lua: `${common}
      local was = redis.call('HMGET', KEYS[1], 'v', 'w', 'm', 'u', 'n')
      if was[1] ~= ARGV[3] then return 0 end
      local awake = ARGV[7] == '' and was[2] or ARGV[7]
      redis.call('HSET', KEYS[1], 'v', ARGV[3] + 1, 'r', ARGV[4], 'i', ARGV[5])
      redis.call('ZADD', KEYS[8], 'XX', ARGV[13], ARGV[1])
      if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 's', ARGV[6]) end
      if awake ~= was[2] or ARGV[8] ~= was[4] then
        ${luaNow}
        redis.call('HSET', KEYS[1], 'w', awake, 'u', ARGV[8])
        if awake ~= was[2] then
          hold(KEYS[2], awake - was[2], tonumber(was[3]), 0, 0)
          countTotal(KEYS[2], ARGV[10], awake - was[2], now)
        end
        if was[2] == '1' then countUsage(KEYS[5], ARGV[10], was[4], -1, now) end
        if awake == '1' then countUsage(KEYS[5], ARGV[10], ARGV[8], 1, now) end
      end
      tell(KEYS[3], ARGV[12], ARGV[11], ARGV[2], ARGV[1], 'modified', ARGV[4], ARGV[8] ~= was[4] and was[4])
      noteBegin(KEYS[1], KEYS[4], was[5])
      note(KEYS[4], ARGV[9])
      send(KEYS[6], KEYS[7], ARGV[2], ARGV[9], ARGV[4])
      return 1`,
  },
  /**
   * record, project index, host index, ports, project, feed, history, usage now, outbox, webhooks, then lane and in
   * flight of starts and of changes, waiting of the host | id, project, resource, history entry, usage day prefix, changes channel, feed
   * length, how long the history is kept in s -> 1, or 0 when it was gone already
   */
  spRemove: {
    numberOfKeys: 15,
    lua: `${common}
      local was = redis.call('HMGET', KEYS[1], 'w', 'm', 'd', 'u', 'n')
      if not was[1] then return 0 end
      noteBegin(KEYS[1], KEYS[7], was[5])
      redis.call('DEL', KEYS[1])
      redis.call('ZREM', KEYS[2], ARGV[1])
      redis.call('ZREM', KEYS[3], ARGV[1])
      redis.call('ZREM', KEYS[15], ARGV[1])
      local leases = redis.call('HGETALL', KEYS[4])
      for i = 1, #leases, 2 do
        if leases[i + 1] == ARGV[1] then redis.call('HDEL', KEYS[4], leases[i]) end
      end
      hold(KEYS[5], -tonumber(was[1]), tonumber(was[2]), -tonumber(was[3]), -1)
      if was[1] == '1' then
        ${luaNow}
        countTotal(KEYS[5], ARGV[5], -1, now)
        countUsage(KEYS[8], ARGV[5], was[4], -1, now)
      end
      for i = 11, 13, 2 do
        redis.call('ZREM', KEYS[i], ARGV[1])
        redis.call('HDEL', KEYS[i + 1], ARGV[1])
      end
      local event = tell(KEYS[6], ARGV[7], ARGV[6], ARGV[2], ARGV[1], 'deleted', ARGV[3])
      -- With what it was at last and its place in the feed, for who still waits for its end.
      redis.call('XADD', KEYS[7], '*', 'j', ARGV[4], 's', ARGV[3], 'f', event)
      send(KEYS[9], KEYS[10], ARGV[2], ARGV[4], ARGV[3])
      redis.call('EXPIRE', KEYS[7], ARGV[8])
      return 1`,
  },
  /**
   * record | project, id -> the resource as JSON and its version when it is the project's, else nil. The place in the lane is
   * put in here: it changes without a change of the record.
   */
  spRead: {
    numberOfKeys: 1,
    lua: `
      local found = redis.call('HMGET', KEYS[1], 'p', 'r', 'l', 'v')
      if found[1] ~= ARGV[1] then return nil end
      local place = found[3] and redis.call('ZRANK', found[3], ARGV[2])
      local resource = found[2]
      if place then resource = string.gsub(resource, '"queuePosition":null', '"queuePosition":' .. (place + 1), 1) end
      return { resource, found[4] }`,
  },
  /** records | their ids -> the ids of those that are not in their lane */
  spNotInLane: {
    lua: `
      local found = {}
      for i, record in ipairs(KEYS) do
        local lane = redis.call('HGET', record, 'l')
        if not lane or not redis.call('ZSCORE', lane, ARGV[i]) then found[#found + 1] = ARGV[i] end
      end
      return found`,
  },
} as const;
