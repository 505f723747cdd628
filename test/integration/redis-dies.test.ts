import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import t from 'tap';
import { freePort } from '../../src/runtime/ports.ts';
import { findProcesses } from '../../src/runtime/process-identity.ts';
import { aliveForMs } from '../../src/sandbox/hosts.ts';
import { pidOf } from '../support/pid-of.ts';
import { temporaryFolder } from '../support/service.ts';
import { serviceProcess } from '../support/service-process.ts';
import { until } from '../support/until.ts';

t.setTimeout(300_000);

/** The service as a user has it, with a redis-server that cannot be started while the file `broken` is there. */
const dataDir = await temporaryFolder();
const programs = path.join(dataDir, 'programs');
const broken = path.join(programs, 'broken');
await mkdir(programs);
await writeFile(
  path.join(programs, 'redis-server'),
  `#!/bin/sh
[ -e '${broken}' ] && exit 1
exec '${(await execa('which', ['redis-server'])).stdout}' "$@"
`,
);
await chmod(path.join(programs, 'redis-server'), 0o755);

const metricsPort = await freePort();
const settings = {
  PATH: `${programs}:${process.env.PATH}`,
  SANDPLANE_METRICS_PORT: String(metricsPort),
  SANDPLANE_STORE_TIMEOUT_MS: '1000',
};
const service = await serviceProcess({}, dataDir);
t.teardown(service.remove);
const { client } = service;

const statusOf = async (url: string) => (await fetch(url)).status;
/** What a probe is told: of the API, and of the worker. */
const health = async () => [
  await statusOf(`${service.url()}/readyz`),
  await statusOf(`http://127.0.0.1:${metricsPort}/healthz`),
];
const killRedis = async () => process.kill(await pidOf(path.join(dataDir, 'redis')), 'SIGKILL');
const projects = async () => {
  const { status, body } = await client.call<{ items: { name: string }[] }>('GET', '/v1/projects');
  return status === 200 ? body.items.map(({ name }) => name).sort() : [];
};

t.test('a Redis of the service that is killed is started again, with its data', async (t) => {
  await service.start(settings);
  await client.call('POST', '/v1/projects', { name: 'kept' });
  t.same(await health(), [200, 200]);
  const began = performance.now();
  await killRedis();
  await until(async () => (await projects()).length > 0);
  t.comment(`back after ${Math.round(performance.now() - began)} ms`);
  t.same(await projects(), ['default', 'kept']);
  await until(async () => (await health()).join() === '200,200');
  t.equal((await findProcesses(path.join(dataDir, 'redis'))).length, 1, 'one of it');
});

t.test('while it cannot be started health says so, and it is tried again', async (t) => {
  await writeFile(broken, '');
  await killRedis();
  await until(async () => (await health()).join() === '503,503');
  t.match(await client.list(), { status: 503, body: { code: 'store_unavailable' } });
  await rm(broken);
  await until(async () => (await health()).join() === '200,200');
  t.same(await projects(), ['default', 'kept']);
});

t.test('one that outlived a service that was killed is started again as well', async (t) => {
  await service.end('SIGKILL');
  await service.start(settings);
  await killRedis();
  await until(async () => (await projects()).length > 0);
  t.same(await projects(), ['default', 'kept']);
});

t.test('after an outage that was longer than a report of a worker counts, creates are accepted at once', async (t) => {
  await writeFile(broken, '');
  await killRedis();
  await delay(aliveForMs + 1000);
  await rm(broken);
  // The worker is well once its connection has brought what waited for it.
  await until(async () => (await health()).join() === '200,200');
  const { status, body } = await client.call('POST', '/v1/sandboxes', {});
  t.equal(status, 202, body.code);
  await client.remove(body.id);
});

t.test('SIGTERM while it is dead ends the service in order', async (t) => {
  await writeFile(broken, '');
  await killRedis();
  await until(async () => (await health()).join() === '503,503');
  const began = performance.now();
  t.equal(await service.end('SIGTERM'), 0, 'not cut off by its deadline');
  t.comment(`ended after ${Math.round(performance.now() - began)} ms`);
  await rm(broken);
  t.same(await findProcesses(path.join(dataDir, 'redis')), []);
});
