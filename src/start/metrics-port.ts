import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from '@prometheus-io/client';
import { authorityOf } from '../config/authority.ts';
import { cannotListen } from '../config/cannot-listen.ts';
import type { Config } from '../config/config.ts';

interface MetricsPortOptions {
  /** What /metrics shows. */
  readonly registry: Registry;
  /** What /healthz says: false when it can no longer do its work, or not now, as while Redis does not answer. */
  readonly isHealthy: () => Promise<boolean>;
  /** Why the worker can do only a part of its work now: then /readyz says so. */
  readonly awayRuntimes: () => readonly string[];
}

/** A registry with what is known of every process: CPU, memory, event loop, open files. */
export function createProcessMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/**
 * Serves what watches the service, off its public port: /metrics for Prometheus; /healthz, whether the worker can work, and
 * /readyz, whether it can with each of its runtimes (200 or 503).
 */
export async function serveMetrics(config: Pick<Config, 'host' | 'metricsPort'>, options: MetricsPortOptions) {
  const server = createServer(listener(options));
  const { host, metricsPort } = config;
  server.listen(metricsPort, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw cannotListen(error, { host, port: metricsPort, setting: 'SANDPLANE_METRICS_PORT' });
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${authorityOf(host, port)}`,
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      // Whatever is open: an answer takes milliseconds.
      server.closeAllConnections();
      await closed;
    },
  };
}

function listener({ registry, isHealthy, awayRuntimes }: MetricsPortOptions): RequestListener {
  return async (request, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (request.url === '/healthz') {
      const isWell = await isHealthy();
      answer(isWell ? 200 : 503, 'text/plain', isWell ? 'ok\n' : 'not ok\n');
    } else if (request.url === '/readyz') {
      const faults = [...((await isHealthy()) ? [] : ['not healthy']), ...awayRuntimes()];
      answer(faults.length === 0 ? 200 : 503, 'text/plain', `${faults.join('\n') || 'ok'}\n`);
    } else if (request.url === '/metrics') {
      const metrics = await registry.metrics().catch((error: unknown) => error as Error);
      if (metrics instanceof Error) answer(500, 'text/plain', `${metrics.message}\n`);
      else answer(200, registry.contentType, metrics);
    } else answer(404, 'text/plain', 'not found: there are /metrics, /healthz and /readyz\n');
  };
}
