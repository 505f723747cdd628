-- Adds an entry to the audit log of a project. The oldest go when there are more than maxEntries.
local function addAudit(log, maxEntries, entry)
  redis.call('XADD', log, 'MAXLEN', '~', maxEntries, '*', 'j', entry)
end
