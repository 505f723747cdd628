-- Appends a change of a sandbox to the event log of its project, tells the readers of the log, and returns the id of
-- the event. `labelsBefore` are the usage names of before where labels changed, else nil or false: a watch by label has
-- to know what it does not match any more. src/redis/fields.ts (eventFields) names the fields.
local function appendEvent(eventLog, maxEvents, channel, project, id, kind, sandbox, labelsBefore)
  local event = redis.call('XADD', eventLog, 'MAXLEN', '~', maxEvents, '*',
    't', kind, 'i', id, 's', sandbox, 'b', labelsBefore or '')
  redis.call('PUBLISH', channel, project .. ' ' .. id)
  return event
end
