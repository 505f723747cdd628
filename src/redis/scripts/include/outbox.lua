-- Puts a change of a sandbox into the outbox, from which webhooks are delivered, unless the entry is '' or the project
-- has no webhooks. src/redis/fields.ts (outboxFields) names the fields.
local function addToOutbox(outbox, webhooks, project, entry, sandbox)
  if entry ~= '' and redis.call('EXISTS', webhooks) == 1 then
    redis.call('XADD', outbox, '*', 'p', project, 'j', entry, 's', sandbox)
  end
end
