import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/logger.ts';
import { offeredRuntimes } from '../../src/reconcile/presence.ts';
import { openRuntimes } from '../../src/start/runtimes.ts';

const open = (more: Record<string, string>) => {
  const config = loadConfig({ SANDPLANE_DATA_DIR: t.testdirName, SANDPLANE_CACHE_DIR: t.testdirName, ...more });
  const known = { hasSandboxes: async () => false, refuse: async () => null };
  return openRuntimes(config, 'test', known, createLogger('silent'), new AbortController().signal);
};

/** As far as a daemon is asked before there is a sandbox. */
async function startDaemon(): Promise<Server> {
  const server = createServer((_request, response) => void response.end('{"ApiVersion": "1.41"}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.env.DOCKER_HOST = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return server;
}

t.test('a Docker daemon that answers is offered, and changes nothing for who does not name it', async (t) => {
  const server = await startDaemon();
  t.teardown(() => server.close());
  const { runtimes, defaultRuntime } = await open({});
  t.same(offeredRuntimes(runtimes), ['process', 'docker']);
  t.equal(defaultRuntime, 'process');
  t.equal((await open({ SANDPLANE_RUNTIME: 'docker' })).defaultRuntime, 'docker');
});

t.test('a daemon that does not answer is a fault only for who has made it the default', async (t) => {
  const server = await startDaemon();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  const { runtimes, defaultRuntime } = await open({});
  t.same(offeredRuntimes(runtimes), ['process']);
  t.equal(defaultRuntime, 'process');
  await t.rejects(open({ SANDPLANE_RUNTIME: 'docker' }), {
    code: 'config_invalid',
    message:
      /SANDPLANE_RUNTIME is docker, but no Docker daemon answers at DOCKER_HOST, tcp:.*ECONNREFUSED.*Is it running/,
  });
});
