import { loadConfig } from '../src/config/config.ts';
import { createLogger } from '../src/logger.ts';
import { sharedRedisAddress } from '../src/redis/connection.ts';
import { closeOnSignal } from '../src/shutdown.ts';
import { startHost } from '../src/start/host.ts';
import { createProcessMetrics, serveMetrics } from '../src/start/metrics-port.ts';
import { runProgram } from '../src/start/program.ts';

/** The worker of this host alone; the API runs elsewhere. */
async function main(): Promise<void> {
  const config = loadConfig(process.env, ['worker']);
  const logger = createLogger(config.logLevel);
  const host = await startHost(config, sharedRedisAddress(config.redisUrl), logger);
  const metrics = await serveMetrics(config, { registry: createProcessMetrics(), isHealthy: host.isHealthy });
  logger.info({ host: config.workerName, metrics: metrics.url }, 'working');
  const close = async () => {
    await host.close();
    await metrics.close();
  };
  closeOnSignal({ close, logger });
}

await runProgram(main);
