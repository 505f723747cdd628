import { loadConfig } from './config.ts';
import { AppError } from './errors.ts';
import { serveHealth } from './health-port.ts';
import { startHost } from './host.ts';
import { createLogger } from './logger.ts';
import { redisAddress } from './redis.ts';
import { reportAndExit } from './report.ts';
import { closeOnSignal } from './shutdown.ts';

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
