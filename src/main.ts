import type { Logger } from 'pino';
import { type Config, loadConfig } from './config/config.ts';
import { createLogger } from './logger.ts';
import { type RedisAddress, redisAddress } from './redis/connection.ts';
import { closeOnSignal } from './shutdown.ts';
import { type RunningApi, startApi } from './start/api.ts';
import { makeFolders } from './start/data-folder.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from './start/embedded-redis.ts';
import { firstRun } from './start/first-run.ts';
import { type RunningHost, startHost } from './start/host.ts';
import { createProcessMetrics, serveMetrics } from './start/metrics-port.ts';
import { printUsage } from './start/print-usage.ts';
import { reportAndExit } from './start/report.ts';
import { claimService } from './start/running-service.ts';
import { openServiceLog } from './start/service-log.ts';
import { print, runSteps } from './start/terminal.ts';

/** The embedded default: API, worker and Redis as one service, with a first sandbox on its first run. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  await makeFolders(config);
  const claim = await claimService(config.dataDir);
  const log = await openServiceLog(config.dataDir);
  const logger = createLogger(config.logLevel, log.destination);

  // Closed in reverse of the order in which they started, also when only some have.
  const closers: Closer[] = [claim.release];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  const announce = (error?: Error) =>
    print(error ? `\nStopping after an error (${error.message}), see ${log.file}` : '\nStopping; sandboxes stay.');
  closeOnSignal({ close, logger, announce });

  try {
    const { host, api } = await startService(config, logger, closers, claim.listening);
    await firstRun(config, host, api);
    printUsage(config, api, log.file);
  } catch (error) {
    await close();
    throw error;
  }
}

type Closer = () => Promise<void>;

/** Starts the parts one after the other and prints the progress. Each adds to `closers` how it is closed. */
async function startService(
  config: Config,
  logger: Logger,
  closers: Closer[],
  listening: (url: string) => Promise<void>,
): Promise<{ host: RunningHost; api: RunningApi }> {
  const started = {} as { address: RedisAddress; host: RunningHost; api: RunningApi };
  const redis = async () => {
    const { address, stop } = await openRedis(config);
    closers.push(stop);
    started.address = address;
    return config.redisUrl ? 'as set by REDIS_URL' : 'embedded';
  };
  const worker = async () => {
    started.host = await startHost(config, started.address, logger);
    closers.push(started.host.close);
    const { isHealthy } = started.host;
    const metrics = await serveMetrics(config, { registry: createProcessMetrics(), isHealthy });
    closers.push(metrics.close);
    return `${config.workerName}, runtime ${started.host.defaultRuntime}`;
  };
  const api = async () => {
    started.api = await startApi(config, started.address, logger);
    closers.push(started.api.close);
    await listening(started.api.url);
    return started.api.url;
  };
  await runSteps([
    { title: 'Redis', run: redis },
    { title: 'Worker', run: worker },
    { title: 'API', run: api },
  ]);
  return started;
}

async function openRedis(config: Config): Promise<EmbeddedRedis> {
  if (!config.redisUrl) return await startEmbeddedRedis(config.dataDir, config.redisMemoryMiB);
  return { address: redisAddress(config.redisUrl), stop: async () => undefined };
}

main().catch(reportAndExit);
