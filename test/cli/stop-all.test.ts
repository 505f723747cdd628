import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import t from 'tap';
import { recordFields } from '../../src/redis/fields.ts';
import { redisKeys } from '../../src/redis/keys.ts';
import { describeProcess } from '../../src/runtime/process-identity.ts';
import { bringUp } from '../../src/start/redis-server.ts';
import { testDocker } from '../support/dockerd.ts';
import { listenLocally } from '../support/listen-locally.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { until } from '../support/until.ts';

t.setTimeout(120_000);
const dataDir = await temporaryFolder();
t.teardown(() => rm(dataDir, { recursive: true, force: true }));
// Nothing listens at port 1.
const noDocker = { DOCKER_HOST: 'tcp://127.0.0.1:1' };
const stopAll = (settings: Record<string, string> = noDocker) =>
  execa(process.execPath, ['src/cli/stop-all.ts'], {
    env: testEnvironment(dataDir, settings),
    all: true,
    reject: false,
  });

/** A Redis as a service that was killed leaves it: nobody starts it again. */
async function startRedis(): Promise<string> {
  const dir = path.join(dataDir, 'redis');
  const socket = path.join(dir, 'redis.sock');
  await mkdir(dir, { recursive: true });
  await bringUp({ dir, socket, memoryBytes: 64 * 1024 * 1024, takesWrites: null }, new AbortController().signal);
  return socket;
}

/** A record as far as it is looked at. */
async function writeRecord(id: string, runtime: string): Promise<void> {
  const redis = new Redis(await startRedis());
  const keys = redisKeys('sandplane');
  await redis.hset(keys.sandbox(id), recordFields.resource, JSON.stringify({ id, status: { runtime } }));
  await redis.zadd(keys.hostIndex('test'), 0, id);
  redis.disconnect();
}

t.test('sandboxes in a Docker that does not answer are not forgotten', async (t) => {
  await writeRecord('sb-in-docker', 'docker');
  const refused = await stopAll();
  t.equal(refused.exitCode, 1);
  t.equal(
    refused.all,
    'Nothing removed: no Docker daemon answers, and it has sandboxes of this service: sb-in-docker. Start it, or set DOCKER_HOST right, and try again.',
  );
  await writeRecord('sb-in-docker', 'process');
  t.match(await stopAll(), { exitCode: 0, all: /^Removed\./ });
});

t.test('settings that are wrong keep nothing from being removed, unless they say what is to be', async (t) => {
  await mkdir(dataDir, { recursive: true });
  t.match(await stopAll({ ...noDocker, SANDPLANE_DATADIR: '/elsewhere' }), { exitCode: 1, all: /SANDPLANE_DATADIR/ });
  t.match(await stopAll({ ...noDocker, SANDPLANE_REDIS_PREFIX: '*' }), { exitCode: 1, all: /SANDPLANE_REDIS_PREFIX/ });
  const ofOthers = { SANDPLANE_PORT: 'many', SANDPLANE_RUNTIME: 'docker', SANDPLANE_SECRET_KEY: 'short' };
  t.match(await stopAll({ ...noDocker, ...ofOthers }), { exitCode: 0, all: /^Removed\./ });
});

const daemon = await testDocker();
const skip = typeof daemon === 'string' && daemon;
t.test('a Redis that has outlived the service ends with it, with Docker or without', { skip }, async (t) => {
  if (typeof daemon === 'string') return;
  t.teardown(daemon.stop);
  const { socketPath } = daemon.docker.modem as unknown as { socketPath: string };
  for (const settings of [noDocker, { DOCKER_HOST: `unix://${socketPath}` }]) {
    const redis = new Redis(await startRedis());
    const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
    redis.disconnect();
    t.ok(await describeProcess(pid));
    t.match(await stopAll(settings), { exitCode: 0, all: /^Removed\./ });
    await until(async () => (await describeProcess(pid)) === null);
  }
});

t.test('what a daemon that goes away in the middle still has is told, and stays ours', async (t) => {
  const ids = ['sb-00000000000000000001', 'sb-00000000000000000002'] as const;
  const port = await startDaemon(t, ids);
  const idFile = path.join(dataDir, 'service-id');
  await mkdir(dataDir, { recursive: true });
  await writeFile(idFile, 'ours');
  const cut = await stopAll({ DOCKER_HOST: `tcp://127.0.0.1:${port}` });
  t.equal(cut.exitCode, 1);
  t.match(cut.stderr, /^Not removed \(docker\):\n {2}sb-0{19}2: Docker does not answer: .*\nRecords and keys are kept/);
  t.equal(await readFile(idFile, 'utf8'), 'ours');
});

/** Its port. As far as it is asked here: it has a container of each, and is gone when the second is to be removed. */
async function startDaemon(t: Parameters<typeof listenLocally>[0], ids: readonly [string, string]): Promise<number> {
  const containers = ids.map((id) => ({
    Id: id,
    Labels: { 'io.sandplane.owner': 'ours', 'io.sandplane.sandbox': id },
    State: 'running',
    Status: 'Up',
  }));
  const server = createServer(({ method, url = '', socket }, response) => {
    const answer = (status: number, body: unknown = {}) => response.writeHead(status).end(JSON.stringify(body));
    if (url.includes(ids[1])) socket.destroy();
    else if (url.includes('/version')) answer(200, { ApiVersion: '1.41' });
    else if (url.includes('/containers/json')) answer(200, url.includes(ids[0]) ? containers.slice(0, 1) : containers);
    else if (url.includes('/volumes?')) answer(200, { Volumes: [] });
    else answer(method === 'DELETE' ? 204 : 404);
  });
  return await listenLocally(t, server);
}
