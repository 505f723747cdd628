import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { execa } from 'execa';
import t from 'tap';
import { cannotListen } from '../../src/config/cannot-listen.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';

t.setTimeout(120_000);
const dataDir = await temporaryFolder();
const redis = await startEmbeddedRedis(dataDir);
const taken = createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => taken.once('listening', resolve));
const { port } = taken.address() as AddressInfo;
t.teardown(async () => {
  taken.close();
  await redis.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** What a program of the service says that cannot start. */
async function refusalOf(program: string, settings: Record<string, string>): Promise<string> {
  const given = { REDIS_URL: redis.url, PATH: process.env.PATH ?? '', ...settings };
  const env = testEnvironment(dataDir, given);
  const { exitCode, stderr } = await execa(process.execPath, [program], { env, extendEnv: false, reject: false });
  t.equal(exitCode, 1);
  return stderr;
}

const main = 'src/main.ts';
const [server, worker] = ['src/server.ts', 'workers/main.ts'];
for (const [program, setting] of [
  [main, 'SANDPLANE_PORT'],
  [main, 'SANDPLANE_GRPC_PORT'],
  [main, 'SANDPLANE_METRICS_PORT'],
  [server, 'SANDPLANE_PORT'],
  [server, 'SANDPLANE_GRPC_PORT'],
  [worker, 'SANDPLANE_METRICS_PORT'],
] as const) {
  t.test(`${program} says in a sentence that the port of ${setting} is taken`, async (t) => {
    t.equal(
      await refusalOf(program, { [setting]: String(port) }),
      `${setting}: the port 127.0.0.1:${port} is taken by another program. End that one, or set ${setting} to another port (0 takes a free one).`,
    );
  });
}

for (const [program, host] of [
  [server, '192.0.2.1'],
  [worker, 'not-there.invalid'],
] as const) {
  t.test(`${program} says in a sentence that ${host} is no address of this machine`, async (t) => {
    const said = await refusalOf(program, { SANDPLANE_HOST: host });
    t.match(
      said,
      `SANDPLANE_HOST: this machine does not have the address ${host}. Set SANDPLANE_HOST to one that it has`,
    );
    t.notMatch(said, '\n');
  });
}

t.test('a port that only root may open', async (t) => {
  const source = `
    const { serveMetrics, createProcessMetrics } = await import('./src/start/metrics-port.ts');
    const options = { registry: createProcessMetrics(), isHealthy: async () => true };
    await serveMetrics({ host: '127.0.0.1', metricsPort: 1 }, options).catch(({ message }) => console.log(message));
    process.exit();`;
  const options = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', source], options);
  // Where anybody may open any port, nothing is said.
  if (stdout)
    t.equal(
      stdout,
      'SANDPLANE_METRICS_PORT: this user may not open the port 127.0.0.1:1. Set SANDPLANE_METRICS_PORT to 1024 or higher.',
    );
  const fault = new Error('of another kind');
  t.equal(cannotListen(fault, { host: '127.0.0.1', port: 1, setting: 'SANDPLANE_PORT' }), fault);
});

t.test('a Redis that is named and does not answer', async (t) => {
  const said = await refusalOf(server, { REDIS_URL: 'redis://:secret@127.0.0.1:9/0' });
  t.match(said, 'No Redis answers at 127.0.0.1:9 (connect ECONNREFUSED 127.0.0.1:9). Start it, or set REDIS_URL');
  t.notMatch(said, /\n|secret/);
});

t.test('a Docker daemon that is needed and does not answer', async (t) => {
  const said = await refusalOf(worker, { SANDPLANE_RUNTIME: 'docker', DOCKER_HOST: `tcp://127.0.0.1:${port}` });
  t.match(said, `SANDPLANE_RUNTIME is docker, but no Docker daemon answers at DOCKER_HOST, tcp://127.0.0.1:${port} (`);
  t.notMatch(said, '\n');
});
