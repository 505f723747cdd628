import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Config, loadConfig } from '../config/config.ts';
import type { Env } from '../config/setting.ts';
import { describeSettings } from '../config/settings.ts';
import { AppError } from '../errors.ts';
import { createLogger } from '../logger.ts';
import { connected, connectForWork, type RedisAddress, redisAddress } from '../redis/connection.ts';
import { recordFields } from '../redis/fields.ts';
import { redisKeys } from '../redis/keys.ts';
import { removeNetwork } from '../runtime/docker-network.ts';
import type { Runtime } from '../runtime/driver.ts';
import { exists } from '../runtime/process-folder.ts';
import { isAlive } from '../runtime/process-identity.ts';
import { removeUsersFolder } from '../runtime/user-ids.ts';
import { createIndexes } from '../sandbox/store-index.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import { startEmbeddedRedis, stopEmbeddedRedis } from '../start/embedded-redis.ts';
import { runProgram } from '../start/program.ts';
import { findRunningService } from '../start/running-service.ts';
import { openRuntimes } from '../start/runtimes.ts';
import { serviceId } from '../start/service-keys.ts';
import { print } from '../start/terminal.ts';

const stopTimeoutMs = 30_000;

/** What is looked at here. Another setting that is wrong keeps nothing from being removed. */
const usedSettings = [
  'SANDPLANE_DATA_DIR',
  'SANDPLANE_CACHE_DIR',
  'SANDPLANE_WORKER_NAME',
  'SANDPLANE_UID_BASE',
  'SANDPLANE_REDIS_PREFIX',
  'REDIS_URL',
];

/**
 * Stops the service and removes all that it ever made on this host: sandboxes, records, keys. Binaries stay in the
 * cache.
 */
async function stopAll(): Promise<void> {
  const config = loadConfig(withoutUnused(process.env), ['worker']);
  if (!(await exists(config.dataDir))) return print(`Nothing to remove: there is no ${config.dataDir}.`);
  await stopService(config);
  await removeSandboxes(config);
  await removeRecords(config);
  // By name, as the user may have other files in this folder.
  const made = [
    'sandboxes',
    'redis',
    'logs',
    'kubeconfigs',
    'admin.key',
    'secret.key',
    'service-id',
    'service.json',
    'service.lock',
    'first-run-done',
  ];
  for (const name of made) await rm(path.join(config.dataDir, name), { recursive: true, force: true });
  print(`Removed. Binaries and templates stay in ${config.cacheDir}; remove that folder to be rid of them too.`);
}

/** Names that are no settings stay in, to be refused: one may be a used setting, misspelled. */
function withoutUnused(env: Env): Env {
  const unused = describeSettings().filter(({ name }) => !usedSettings.includes(name));
  return { ...env, ...Object.fromEntries(unused.map(({ name }) => [name, undefined])) };
}

async function stopService(config: Config): Promise<void> {
  const running = await findRunningService(config.dataDir);
  if (!running) return;
  print(`Stopping the service (pid ${running.pid}) ...`);
  process.kill(running.pid, 'SIGTERM');
  const deadline = performance.now() + stopTimeoutMs;
  while (await isAlive(running)) {
    if (performance.now() > deadline)
      throw new Error(`The service (pid ${running.pid}) does not stop. Stop it and try again.`);
    await delay(100);
  }
}

async function removeSandboxes(config: Config): Promise<void> {
  const logger = createLogger('silent');
  const id = await serviceId(config.dataDir);
  // What is missing is told below, with what it has of ours.
  const known = { hasSandboxes: async () => true, refuse: async () => null };
  const { runtimes, docker } = await openRuntimes(config, id, known, logger, new AbortController().signal);
  const isAway = runtimes.get('docker')?.presence?.away() !== null;
  if (isAway) await throwIfInDocker(config);
  // First those that may go away in the middle of it: then the others are still as their records say.
  const daemonsFirst = [...runtimes].sort(([, a], [, b]) => Number(!a.presence) - Number(!b.presence));
  for (const [name, { runtime, presence }] of daemonsFirst) if (!presence?.away()) await removeAll(name, runtime);
  if (docker && !isAway) await removeNetwork(docker, id);
  await removeUsersFolder();
}

/** Throws with what could not be removed: what tells whose it is must stay then. */
async function removeAll(name: string, runtime: Runtime): Promise<void> {
  const left: string[] = [];
  for (const { sandboxId } of await runtime.observe()) {
    print(`Removing ${sandboxId} (${name})`);
    await runtime.remove(sandboxId).catch((error: Error) => left.push(`  ${sandboxId}: ${error.message}`));
  }
  if (left.length === 0) return;
  const lines = [`Not removed (${name}):`, ...left, 'Records and keys are kept. Mend that and try again.'];
  throw new AppError('runtime_unavailable', lines.join('\n'));
}

/** Containers outlive a daemon that does not answer: what tells whose they are is not removed before them. */
async function throwIfInDocker(config: Config): Promise<void> {
  // Without a Redis there has never been a sandbox.
  if (!config.redisUrl && !(await exists(path.join(config.dataDir, 'redis')))) return;
  const keys = redisKeys(config.redisPrefix);
  const inDocker = await withRedis(config, async (redis) => {
    const found: string[] = [];
    for await (const ids of createIndexes({ redis, keys }).idsOfHost(config.workerName)) {
      const records = await Promise.all(ids.map((id) => redis.hget(keys.sandbox(id), recordFields.resource)));
      const sandboxes = records.map((text) => JSON.parse(text ?? 'null') as Sandbox | null);
      for (const sandbox of sandboxes) if (sandbox?.status.runtime === 'docker') found.push(sandbox.id);
    }
    return found;
  });
  if (inDocker.length === 0) return;
  const detail = `Nothing removed: no Docker daemon answers, and it has sandboxes of this service: ${inDocker.join(', ')}. Start it, or set DOCKER_HOST right, and try again.`;
  throw new AppError('runtime_unavailable', detail);
}

/** The embedded Redis is removed with its folder. In a Redis of the user, the keys with our prefix are removed. */
async function removeRecords(config: Config): Promise<void> {
  // It may have outlived a service that was killed.
  if (!config.redisUrl) return await stopEmbeddedRedis(config.dataDir);
  await withRedis(config, async (redis) => {
    for await (const keys of redis.scanStream({ match: `${redisKeys(config.redisPrefix).base}:*`, count: 500 })) {
      if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]));
    }
  });
}

async function withRedis<Result>(config: Config, use: (redis: Redis) => Promise<Result>): Promise<Result> {
  const opened = new AsyncDisposableStack();
  try {
    return await use(await connected(connectForWork(await addressOf(config, opened)), opened));
  } finally {
    await opened.disposeAsync();
  }
}

async function addressOf({ redisUrl, dataDir }: Config, opened: AsyncDisposableStack): Promise<RedisAddress> {
  if (redisUrl) return redisAddress(redisUrl);
  const { address, stop } = await startEmbeddedRedis(dataDir);
  opened.defer(stop);
  return address;
}

await runProgram(stopAll);
process.exit();
