import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { repeat } from '../../workers/repeat.ts';
import { defaultVersions } from '../components/catalog.ts';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors.ts';
import { createWakeUps, createWakeUpWorker } from '../queue/wake-ups.ts';
import { createDispatcher, listenForCalls, lookAt } from '../reconcile/dispatcher.ts';
import { createHealthChecks } from '../reconcile/health.ts';
import { holdHostLease } from '../reconcile/host-lease.ts';
import { launch } from '../reconcile/launch.ts';
import { createPortLeases } from '../reconcile/port-leases.ts';
import { createReconciler } from '../reconcile/reconcile.ts';
import { sweep, sweepWaiting } from '../reconcile/sweep.ts';
import { connectForWork, type RedisAddress } from '../redis/connection.ts';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';
import { createSealer } from '../redis/seal.ts';
import { isPortFree } from '../runtime/ports.ts';
import { bootId } from '../runtime/process-identity.ts';
import { createHosts } from '../sandbox/hosts.ts';
import { createLanes } from '../sandbox/lanes.ts';
import { serveLogs } from '../sandbox/log-relay.ts';
import { createProjectRemoval } from '../sandbox/project-removal.ts';
import { createStore } from '../sandbox/store.ts';
import { createAddressGuard } from '../webhooks/addresses.ts';
import { startWebhookWorker } from '../webhooks/worker.ts';
import { openRuntimes, type Runtimes } from './runtimes.ts';
import { secretKey, serviceId } from './service-keys.ts';

const reportEveryMs = 5000;
/** So many sweeps to one of those that only wait. */
const sweepsToOne = 12;

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

/** What touches the machine; tests and benchmarks of everything else bring their own. */
export interface HostParts {
  readonly openRuntimes: typeof openRuntimes;
  readonly launch: typeof launch;
  readonly createHealthChecks: typeof createHealthChecks;
}

const realParts: HostParts = { openRuntimes, launch, createHealthChecks };

/** Starts the worker of this host: it takes wake-ups, sweeps, serves logs and reports what it can run. */
export async function startHost(
  config: Config,
  address: RedisAddress,
  logger: Logger,
  parts: HostParts = realParts,
): Promise<RunningHost> {
  const stopping = new AbortController();
  const connections = Array.from({ length: 4 }, () => connectForWork(address));
  await Promise.all(connections.map((connection) => connection.connect()));
  const [redis, queueRedis, subscriber, outboxRedis] = connections as [Redis, Redis, Redis, Redis];
  const keys = redisKeys(config.redisPrefix);
  const id = await serviceId(config.dataDir);
  const host = config.workerName;
  let lost = false;
  const lease = await holdHostLease({
    redis,
    keys,
    host,
    machine: `${hostname()}/${await bootId().catch(() => '')}`,
    onLost: () => {
      lost = true;
      logger.error({ host }, 'another worker has taken this host over; stopping');
      stopping.abort();
    },
  });
  const { runtimes, defaultRuntime, components, templates } = await parts.openRuntimes(
    config,
    id,
    logger,
    stopping.signal,
  );
  await checkRecordsFit(redis, keys, host, id, runtimes);

  const wakeUps = createWakeUps({ redis: queueRedis, keys });
  const sealer = createSealer(await secretKey(config));
  const store = createStore({ redis, keys, sealer, feedLength: config.feedLength });
  const lanes = createLanes({ redis, keys });
  const dispatcher = createDispatcher({
    lanes,
    host,
    slots: config.startConcurrency,
    wake: (sandboxId, kind) => wakeUps.send(host, sandboxId, kind),
    logger,
  });
  const health = parts.createHealthChecks({ probeHost: config.probeHost });
  const { reconcile, settled } = createReconciler({
    host,
    store,
    dispatcher,
    ports: createPortLeases({
      redis,
      keys,
      range: config.portRange,
      isFree: (port) => isPortFree(port, config.bindAddress),
    }),
    health,
    runtimes,
    templates,
    launch: parts.launch,
    wake: (sandboxId) => wakeUps.send(host, sandboxId),
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
    look: (sandboxId, kind) => lookAt(sandboxId, kind, { reconcile, dispatcher }),
    onError: (error) => logger.warn({ err: error }, 'queue'),
  });
  // Runs until closed; its errors come by onError.
  worker.run().catch((error: unknown) => logger.error({ err: error }, 'queue worker ended'));
  await listenForCalls({ subscriber, keys, host, onCall: dispatcher.dispatch });

  const logServer = await serveLogs({
    redis,
    subscriber,
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
  const removals = createProjectRemoval({ redis, keys, store, lanes });
  const webhooks = startWebhookWorker({
    redis,
    queueRedis,
    outboxRedis,
    keys,
    sealer,
    guard: createAddressGuard({ allowedRanges: config.webhooks.allowedRanges, logger }),
    pausesMs: config.webhooks.pausesMs,
    host,
    logger,
  });
  let sweptAt = performance.now();
  const sweeping = { host, store, dispatcher, runtimes, reconcile, logger, signal: stopping.signal };
  const cutShort = (error: unknown) => logger.warn({ err: error }, 'sweep cut short');
  const sweeps = repeat(
    config.sweepIntervalMs,
    async () => {
      // A host that was lost is somebody else's: nothing here may be touched any more.
      if (stopping.signal.aborted) return;
      await sweep(sweeping);
      if (stopping.signal.aborted) return;
      await removals.advanceAll();
      sweptAt = performance.now();
    },
    cutShort,
  );
  const waitingSweeps = repeat(
    config.sweepIntervalMs * sweepsToOne,
    async () => {
      if (!stopping.signal.aborted) await sweepWaiting(sweeping);
    },
    cutShort,
  );

  return {
    defaultRuntime,
    prepared: prepareDefaultTemplate(),
    isHealthy: () => !lost && performance.now() - sweptAt < config.sweepIntervalMs * 3 + 60_000,
    async close() {
      stopping.abort();
      await Promise.all([reports.stop(), sweeps.stop(), waitingSweeps.stop()]);
      await Promise.all([worker.close(), webhooks.close()]);
      await settled();
      await dispatcher.settled();
      await templates.settled();
      logServer.close();
      health.close();
      await hosts.retire(host).catch(() => undefined);
      await lease.release().catch(() => undefined);
      await wakeUps.close();
      for (const connection of connections) connection.disconnect();
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
