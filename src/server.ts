import { takeConfig } from './config/config.ts';
import { createLogger } from './logger.ts';
import { sharedRedisAddress } from './redis/connection.ts';
import { closeOnSignal } from './shutdown.ts';
import { startApi } from './start/api.ts';
import { runProgram } from './start/program.ts';

/** The API alone, REST and gRPC; workers run elsewhere. */
async function main(): Promise<void> {
  const config = takeConfig(process.env, ['api']);
  const logger = createLogger(config.logLevel);
  const api = await startApi(config, sharedRedisAddress(config.redisUrl), logger);
  logger.info({ url: api.url, grpc: api.grpcAddress }, 'listening');
  closeOnSignal({ close: api.close, logger });
}

await runProgram(main);
