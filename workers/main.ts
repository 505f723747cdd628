import { loadConfig } from '../src/config/config.ts';
import { AppError } from '../src/errors.ts';
import { createLogger } from '../src/logger.ts';
import { redisAddress } from '../src/redis/connection.ts';
import { closeOnSignal } from '../src/shutdown.ts';
import { serveHealth } from '../src/start/health-port.ts';
import { startHost } from '../src/start/host.ts';
import { reportAndExit } from '../src/start/report.ts';

/** The worker of this host alone; the API runs elsewhere. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  if (!config.redisUrl) throw new AppError('config_invalid', 'API and worker apart share a Redis: set REDIS_URL.');
  const logger = createLogger(config.logLevel);
  const host = await startHost(config, redisAddress(config.redisUrl), logger);
  const health = await serveHealth(config, host.isHealthy);
  logger.info({ host: config.workerName, health: health.url }, 'working');
  closeOnSignal(async () => {
    await host.close();
    await health.close();
  }, logger);
}

main().catch(reportAndExit);
