import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { defaultVersions } from './components/catalog.ts';
import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { secretKey, serviceId } from './keys.ts';
import { createWakeUps, createWakeUpWorker } from './queue.ts';
import { connectForWork, type RedisAddress } from './redis.ts';
import { isPortFree } from './runtime/ports.ts';
import { openRuntimes, type Runtimes } from './runtimes.ts';
import { createHealthChecks } from './sandbox/health.ts';
import { holdHostLease } from './sandbox/host-lease.ts';
import { createHosts } from './sandbox/hosts.ts';
import { type RedisKeys, redisKeys } from './sandbox/keys.ts';
import { launch } from './sandbox/launch.ts';
import { serveLogs } from './sandbox/log-relay.ts';
import { createPortLeases } from './sandbox/port-leases.ts';
import { createReconciler } from './sandbox/reconcile.ts';
import { defineScripts } from './sandbox/scripts.ts';
import { createSealer } from './sandbox/seal.ts';
import { createStarts } from './sandbox/starts.ts';
import { createStore } from './sandbox/store.ts';
import { sweep } from './sandbox/sweep.ts';

const reportEveryMs = 5000;

export interface RunningHost {
  /** Resolves when the template of the default versions is there, or could not be made. */
  readonly prepared: Promise<void>;
  /** What sandboxes run with that ask for nothing else. */
  readonly defaultRuntime: string;
  /** False once it can no longer do its work. */
  isHealthy(): boolean;
  /** Leaves the sandboxes running. */
  close(): Promise<void>;
}

/** Starts the worker of this host: it takes wake-ups, sweeps, serves logs and reports what it can run. */
export async function startHost(config: Config, address: RedisAddress, logger: Logger): Promise<RunningHost> {
  const stopping = new AbortController();
  const [redis, queueRedis, logSubscriber] = [1, 2, 3].map(() => connectForWork(address)) as [Redis, Redis, Redis];
  await Promise.all([redis, queueRedis, logSubscriber].map((connection) => connection.connect()));
  defineScripts(redis);
  const keys = redisKeys(config.redisPrefix);
  const id = await serviceId(config.dataDir);
  const host = config.workerName;
  let lost = false;
  const lease = await holdHostLease({
    redis,
    keys,
    host,
    machine: `${hostname()}/${await bootId()}`,
    onLost: () => {
      lost = true;
      logger.error({ host }, 'another worker has taken this host over; stopping');
      stopping.abort();
    },
  });
  const { runtimes, defaultRuntime, components, templates } = await openRuntimes(config, id, logger, stopping.signal);
  await checkRecordsFit(redis, keys, host, id, runtimes);

  const wakeUps = createWakeUps({ redis: queueRedis, keys });
  const store = createStore({ redis, keys, sealer: createSealer(await secretKey(config)) });
  const starts = createStarts({ redis, keys });
  const health = createHealthChecks({ probeHost: config.probeHost });
  const slots = config.startConcurrency;
  const { reconcile, settled } = createReconciler({
    host,
    store,
    starts,
    ports: createPortLeases({
      redis,
      keys,
      range: config.portRange,
      isFree: (port) => isPortFree(port, config.bindAddress),
    }),
    health,
    runtimes,
    templates,
    launch,
    wake: (sandboxId) => wakeUps.send(host, sandboxId),
    slots,
    portRange: config.portRange,
    advertiseHost: config.advertiseHost,
    probeHost: config.probeHost,
    logger,
    signal: stopping.signal,
  });

  const worker = createWakeUpWorker({
    redis: queueRedis,
    keys,
    host,
    reconcile,
    onError: (error) => logger.warn({ err: error }, 'queue'),
  });
  // Runs until closed; its errors come by onError.
  worker.run().catch((error: unknown) => logger.error({ err: error }, 'queue worker ended'));

  const logServer = await serveLogs({
    redis,
    subscriber: logSubscriber,
    keys,
    host,
    read: async ({ sandboxId, ...options }, signal) => {
      const stored = await store.get(sandboxId);
      const found = stored && runtimes.get(stored.record.sandbox.status.runtime);
      if (!found) throw new AppError('logs_unavailable', `There are no logs of ${sandboxId} on ${host}.`);
      return found.runtime.logs(sandboxId, options.component, { ...options, signal });
    },
  });

  const hosts = createHosts({ redis, keys });
  const report = async () =>
    hosts.report({
      name: host,
      runtimes: [...runtimes.keys()],
      defaultRuntime,
      versions: await components.versions(),
      reportedAt: Date.now(),
    });
  await report();
  const reports = repeat(reportEveryMs, report, (error) => logger.warn({ err: error }, 'host not reported'));
  let sweptAt = performance.now();
  const sweeps = repeat(
    config.sweepIntervalMs,
    async () => {
      // A host that was lost is somebody else's: nothing here may be touched any more.
      if (stopping.signal.aborted) return;
      await sweep({ host, store, starts, slots, runtimes, reconcile, logger });
      sweptAt = performance.now();
    },
    (error) => logger.warn({ err: error }, 'sweep cut short'),
  );

  return {
    defaultRuntime,
    prepared: prepareDefaultTemplate(),
    isHealthy: () => !lost && performance.now() - sweptAt < config.sweepIntervalMs * 3 + 60_000,
    async close() {
      stopping.abort();
      await Promise.all([reports.stop(), sweeps.stop()]);
      await worker.close();
      await settled();
      await templates.settled();
      logServer.close();
      health.close();
      await hosts.retire(host).catch(() => undefined);
      await lease.release().catch(() => undefined);
      await wakeUps.close();
      for (const connection of [redis, queueRedis, logSubscriber]) connection.disconnect();
    },
  };

  async function prepareDefaultTemplate(): Promise<void> {
    const { kubernetesVersion, etcdVersion } = defaultVersions;
    await templates.ensure(kubernetesVersion, etcdVersion);
  }
}

/**
 * A data folder and a Redis belong together: before another Redis, whose records know nothing of what runs here, every
 * sandbox would look like an orphan and be removed. Throws `config_invalid`.
 */
async function checkRecordsFit(
  redis: Redis,
  keys: RedisKeys,
  host: string,
  id: string,
  runtimes: Runtimes,
): Promise<void> {
  const known = await redis.hget(keys.serviceIds, host);
  if (known !== id) {
    const running = await Promise.all([...runtimes.values()].map(({ runtime }) => runtime.observe()));
    const count = running.flat().length;
    if (count > 0) {
      const detail = `This Redis knows nothing of the ${count} sandboxes on ${host}. Set REDIS_URL to the one that does, or remove them: npm run stop-all`;
      throw new AppError('config_invalid', detail);
    }
  }
  await redis.hset(keys.serviceIds, host, id);
}

async function bootId(): Promise<string> {
  return await readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}

/** Runs `work` again and again, `everyMs` after its last end. */
function repeat(everyMs: number, work: () => Promise<void>, onError: (error: unknown) => void) {
  const stopped = new AbortController();
  const running = (async () => {
    while (!stopped.signal.aborted) {
      await work().catch(onError);
      // The rejection only says that it is over.
      await delay(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
