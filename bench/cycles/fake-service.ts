import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/logger.ts';
import { closeOnSignal } from '../../src/shutdown.ts';
import { startApi } from '../../src/start/api.ts';
import { makeFolders } from '../../src/start/data-folder.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { fakeHostParts } from '../../src/start/fake-host.ts';
import { startHost } from '../../src/start/host.ts';
import { openServiceLog } from '../../src/start/service-log.ts';

/** API, worker and Redis as one service, as src/main.ts has them, but with sandboxes in memory. */
const config = loadConfig(process.env);
await makeFolders(config);
const { destination } = await openServiceLog(config.dataDir);
const logger = createLogger(config.logLevel, destination);
const opened = new AsyncDisposableStack();
closeOnSignal({ close: () => opened.disposeAsync(), logger, announce: () => undefined });
const redis = await startEmbeddedRedis(config.dataDir, { logger });
opened.defer(redis.stop);
const host = await startHost(config, redis.address, logger, fakeHostParts());
opened.defer(host.close);
const api = await startApi(config, redis.address, logger);
opened.defer(api.close);
process.stdout.write(`Sandplane listens at ${api.url}\n`);
