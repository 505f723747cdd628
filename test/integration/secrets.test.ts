import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { freePort } from '../../src/runtime/ports.ts';
import { redisSocketIn } from '../../src/start/embedded-redis.ts';
import { recordPrograms } from '../support/recorded-programs.ts';
import { privateKeysOf, type Secrets, useSecrets } from '../support/secrets.ts';
import { temporaryFolder, testAdminKey } from '../support/service.ts';
import { serviceProcess } from '../support/service-process.ts';
import { startedPrograms } from '../support/started-programs.ts';
import { until } from '../support/until.ts';

/** The service as a user has it, and what others see of it: its processes, its log, and what it prints. */
t.setTimeout(300_000);
const secretKey = randomBytes(32);
const redisPassword = randomBytes(16).toString('hex');
const redisPort = await freePort();
// By its standard input, as others see arguments.
const redis = execa('redis-server', ['-'], {
  input: `bind 127.0.0.1\nport ${redisPort}\nsave ""\nrequirepass ${redisPassword}\n`,
  reject: false,
});
const ownRedis = `redis://:${redisPassword}@127.0.0.1:${redisPort}`;
t.teardown(() => redis.kill());

/** The secrets that the service is given, and those that it has made. */
const allSecrets: Secrets = new Map([
  ['the admin key', testAdminKey],
  ['the key that seals secrets', secretKey.toString('hex')],
  ['the same in base64', secretKey.toString('base64')],
  ['the password of Redis', redisPassword],
]);

async function startService(t: Test, more: Record<string, string> = {}) {
  const dataDir = await temporaryFolder();
  const programs = path.join(dataDir, 'programs');
  const { given } = await recordPrograms(programs, ['redis-server', 'rm']);
  const settings = {
    PATH: `${programs}:${process.env.PATH}`,
    SANDPLANE_SECRET_KEY: secretKey.toString('hex'),
    SANDPLANE_LOG_LEVEL: 'trace',
    SANDPLANE_STORE_TIMEOUT_MS: '1000',
    SANDPLANE_WEBHOOK_ALLOWED_RANGES: '127.0.0.0/8',
    SANDPLANE_WEBHOOK_RETRY_SECONDS: '0.1,0.1',
    ...more,
  };
  const service = await serviceProcess({}, dataDir);
  t.teardown(service.remove);
  await service.start(settings);
  const log = async () => {
    const folder = path.join(dataDir, 'logs');
    const files = (await readdir(folder)).filter((name) => /^service\.\d+\.log$/.test(name));
    return (await Promise.all(files.map((name) => readFile(path.join(folder, name), 'utf8')))).join('');
  };
  const addresses = { url: service.url(), grpc: /gRPC at (\S+)/.exec(service.output())?.[1] ?? '' };
  return { dataDir, service, addresses, given, log };
}

function holdsNone(t: Test, text: string, where: string): void {
  const found = [...allSecrets].filter(([, secret]) => secret === '' || text.includes(secret));
  t.same(
    found.map(([name]) => name),
    [],
    where,
  );
}

const proc = async (pid: number, file: string) => await readFile(`/proc/${pid}/${file}`, 'latin1');
const linuxOnly = process.platform === 'linux' ? {} : { skip: 'processes are looked at in /proc' };

t.test('what it starts is given no secret, and its log holds none when it tells the most', linuxOnly, async (t) => {
  const { dataDir, service, addresses, given, log } = await startService(t);
  const { id, remove } = await useSecrets(t, addresses, allSecrets);
  const socket = redisSocketIn(dataDir);
  for (const [name, key] of await privateKeysOf(id, socket, secretKey)) allSecrets.set(name, key);
  t.ok(allSecrets.has('caKey') && allSecrets.has('adminKey'), 'the secrets of a sandbox are known');
  holdsNone(t, await proc(service.pid(), 'cmdline'), 'the arguments of the service');
  const started = await startedPrograms(dataDir);
  t.same(
    started.map(([name]) => name),
    ['etcd', 'kube-apiserver', 'redis-server'],
  );
  for (const [name, pid] of started) {
    for (const file of ['cmdline', 'environ']) holdsNone(t, await proc(pid, file), `${file} of ${name}`);
  }
  t.equal((await remove()).body.status.phase, 'deleted');
  for (const name of ['redis-server', 'rm']) holdsNone(t, await given(name), `what ${name} was given`);
  t.match(await proc(service.pid(), 'environ'), testAdminKey, 'they would be found');
  const logged = await log();
  for (const words of [id, '"level":20', '"status":401']) t.ok(logged.includes(words), `the log has ${words}`);
  holdsNone(t, logged, 'the log');
  holdsNone(t, service.output(), 'what it prints');
});

t.test('neither does its log when the password of its Redis is refused', async (t) => {
  const { service, log } = await startService(t, { REDIS_URL: ownRedis });
  const { client } = service;
  t.equal((await client.list()).status, 200);
  const admin = new Redis(ownRedis);
  await admin.config('SET', 'requirepass', 'another');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  admin.disconnect();
  await until(async () => (await client.list()).status !== 200);
  await until(async () => /NOAUTH|WRONGPASS/.test(await log()));
  holdsNone(t, await log(), 'the log');
  holdsNone(t, service.output(), 'what it prints');
});
