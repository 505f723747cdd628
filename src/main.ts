import type { Logger } from 'pino';
import { type Config, takeConfig } from './config/config.ts';
import { createLogger } from './logger.ts';
import { openInOrder } from './open-in-order.ts';
import { type RedisAddress, redisAddress } from './redis/connection.ts';
import { closeOnSignal } from './shutdown.ts';
import { type RunningApi, startApi } from './start/api.ts';
import { makeFolders } from './start/data-folder.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from './start/embedded-redis.ts';
import { firstRun } from './start/first-run.ts';
import { type RunningHost, startHost } from './start/host.ts';
import { createProcessMetrics, serveMetrics } from './start/metrics-port.ts';
import { printUsage } from './start/print-usage.ts';
import { runProgram } from './start/program.ts';
import { claimService } from './start/running-service.ts';
import { openServiceLog } from './start/service-log.ts';
import { print, runSteps } from './start/terminal.ts';

/** The embedded default: API, worker and Redis as one service, with a first sandbox on its first run. */
async function main(): Promise<void> {
  const config = takeConfig(process.env);
  await makeFolders(config);
  await openInOrder(async (opened) => await openService(config, opened));
}

async function openService(config: Config, opened: AsyncDisposableStack): Promise<void> {
  const claim = await claimService(config.dataDir);
  opened.defer(claim.release);
  const log = await openServiceLog(config.dataDir);
  const logger = createLogger(config.logLevel, log.destination);
  const announce = (error?: Error) =>
    print(error ? `\nStopping after an error (${error.message}), see ${log.file}` : '\nStopping; sandboxes stay.');
  const { isClosing } = closeOnSignal({ close: () => opened.disposeAsync(), logger, announce });
  try {
    const { host, api } = await startParts(config, logger, opened);
    await claim.listening(api.url);
    await firstRun(config, { host, api, isClosing });
    printUsage(config, api, log.file);
  } catch (error) {
    // Interrupted in the middle of the start: what closes it also ends the process.
    if (!isClosing()) throw error;
  }
}

/** Starts the parts one after the other, telling how far it is. */
async function startParts(
  config: Config,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<{ host: RunningHost; api: RunningApi }> {
  const started = {} as { address: RedisAddress; host: RunningHost; api: RunningApi };
  const redis = async () => {
    const { address, stop } = await openRedis(config, logger);
    opened.defer(stop);
    started.address = address;
    return config.redisUrl ? 'as set by REDIS_URL' : 'embedded';
  };
  const worker = async () => {
    started.host = await startHost(config, started.address, logger);
    opened.defer(started.host.close);
    const metrics = await serveMetrics(config, { ...started.host, registry: createProcessMetrics() });
    opened.defer(metrics.close);
    return `${config.workerName}, runtime ${started.host.defaultRuntime}`;
  };
  const api = async () => {
    started.api = await startApi(config, started.address, logger);
    opened.defer(started.api.close);
    return started.api.url;
  };
  await runSteps([
    { title: 'Redis', run: redis },
    { title: 'Worker', run: worker },
    { title: 'API', run: api },
  ]);
  return started;
}

async function openRedis(config: Config, logger: Logger): Promise<Pick<EmbeddedRedis, 'address' | 'stop'>> {
  const { dataDir, redisMemoryMiB: memoryMiB } = config;
  if (!config.redisUrl) return await startEmbeddedRedis(dataDir, { memoryMiB, logger });
  return { address: redisAddress(config.redisUrl), stop: async () => undefined };
}

await runProgram(main);
