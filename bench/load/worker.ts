import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/logger.ts';
import { redisAddress } from '../../src/redis/connection.ts';
import { fakeHostParts } from '../../src/start/fake-host.ts';
import { startHost } from '../../src/start/host.ts';

/**
 * A worker as `npm run worker` starts it, but with sandboxes in memory. The argument: how long a start takes, in ms.
 */
const config = loadConfig(process.env);
const startMs = Number(process.argv[2]);
const parts = fakeHostParts(() => startMs);
await startHost(config, redisAddress(config.redisUrl ?? ''), createLogger(config.logLevel), parts);
process.stdout.write('working\n');
