import { loadConfig } from '../../src/config.ts';
import { fakeHostParts } from '../../src/fake-host.ts';
import { startHost } from '../../src/host.ts';
import { createLogger } from '../../src/logger.ts';
import { redisAddress } from '../../src/redis.ts';

/** A worker as `npm run worker` starts it, but for sandboxes in memory. The argument: how long a start takes, in ms. */
const config = loadConfig(process.env);
const startMs = Number(process.argv[2]);
const parts = fakeHostParts(() => startMs);
await startHost(config, redisAddress(config.redisUrl ?? ''), createLogger(config.logLevel), parts);
process.stdout.write('working\n');
