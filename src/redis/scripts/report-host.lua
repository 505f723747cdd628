-- Notes what a worker reports about its host, with the time at which it arrives here: it may have waited for Redis, and the
-- clocks of hosts differ.
--
-- KEYS[1] hosts: the reports, by name
-- ARGV[1] name of the host
-- ARGV[2] report, as JSON
-- Returns nothing.

--- include now

local hosts, name, report = KEYS[1], ARGV[1], ARGV[2]

redis.call('HSET', hosts, name, string.format('%d %s', storeTime(), report))
