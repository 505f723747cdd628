import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config/config.ts';

/** /healthz on a port of its own, for probes: 200 while `isHealthy`, else 503. */
export async function serveHealth(config: Pick<Config, 'host' | 'metricsPort'>, isHealthy: () => boolean) {
  const server = createServer((request, response) => {
    const status = request.url === '/healthz' ? (isHealthy() ? 200 : 503) : 404;
    response.writeHead(status, { 'content-type': 'text/plain' }).end(status === 200 ? 'ok\n' : 'not ok\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.metricsPort, config.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${config.host}:${port}/healthz`,
    close: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}
