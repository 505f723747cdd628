import { loadConfig } from './config/config.ts';
import { AppError } from './errors.ts';
import { createLogger } from './logger.ts';
import { redisAddress } from './redis/connection.ts';
import { closeOnSignal } from './shutdown.ts';
import { startApi } from './start/api.ts';
import { reportAndExit } from './start/report.ts';

/** The REST API alone; workers run elsewhere. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  if (!config.redisUrl) throw new AppError('config_invalid', 'API and worker apart share a Redis: set REDIS_URL.');
  const logger = createLogger(config.logLevel);
  const api = await startApi(config, redisAddress(config.redisUrl), logger);
  logger.info({ url: api.url, grpc: api.grpcAddress }, 'listening');
  closeOnSignal({ close: api.close, logger });
}

main().catch(reportAndExit);
