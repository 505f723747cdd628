import { takeConfig } from '../src/config/config.ts';
import { createLogger } from '../src/logger.ts';
import { openInOrder } from '../src/open-in-order.ts';
import { sharedRedisAddress } from '../src/redis/connection.ts';
import { closeOnSignal } from '../src/shutdown.ts';
import { startHost } from '../src/start/host.ts';
import { createProcessMetrics, serveMetrics } from '../src/start/metrics-port.ts';
import { runProgram } from '../src/start/program.ts';

/** The worker of this host alone; the API runs elsewhere. */
async function main(): Promise<void> {
  const config = takeConfig(process.env, ['worker']);
  const logger = createLogger(config.logLevel);
  await openInOrder(async (opened) => {
    const host = await startHost(config, sharedRedisAddress(config.redisUrl), logger);
    opened.defer(host.close);
    const metrics = await serveMetrics(config, { ...host, registry: createProcessMetrics() });
    opened.defer(metrics.close);
    logger.info({ host: config.workerName, metrics: metrics.url }, 'working');
    closeOnSignal({ close: () => opened.disposeAsync(), logger });
  });
}

await runProgram(main);
