import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { startWorkers } from '../../workers/index.ts';
import { defaultVersions } from '../components/catalog.ts';
import type { Config } from '../config/config.ts';
import { openInOrder } from '../open-in-order.ts';
import { createDiskRoom } from '../reconcile/disk-room.ts';
import { createEtcdSpace } from '../reconcile/etcd-space.ts';
import { createHealthChecks } from '../reconcile/health.ts';
import { holdHostLease } from '../reconcile/host-lease.ts';
import { launch } from '../reconcile/launch.ts';
import { createPortLeases } from '../reconcile/port-leases.ts';
import { awayRuntimes } from '../reconcile/presence.ts';
import { createReconciler } from '../reconcile/reconciler.ts';
import { createStartSlots } from '../reconcile/start-slots.ts';
import type { WorkerContext } from '../reconcile/worker-context.ts';
import { redisAnswers } from '../redis/answers.ts';
import { connected, connectForWork, type RedisAddress } from '../redis/connection.ts';
import { isPortFree } from '../runtime/ports.ts';
import { bootId } from '../runtime/process-identity.ts';
import { checkRecordsFit, knownSandboxes } from './records-fit.ts';
import { openRuntimes } from './runtimes.ts';
import { secretKey, serviceId } from './service-keys.ts';
import { createStores, type Stores } from './stores.ts';

export interface RunningHost {
  /** Resolves when the template of the default versions is there, or could not be made. */
  readonly prepared: Promise<void>;
  /** The runtime of sandboxes that name none. */
  readonly defaultRuntime: string;
  /** False when it can no longer do its work, or not now, as while Redis does not answer. */
  isHealthy(): Promise<boolean>;
  /** Why sandboxes cannot be worked on now, one reason for each runtime that does not answer. */
  awayRuntimes(): string[];
  /** Leaves the sandboxes running. While Redis does not answer, connections are left to the end of the process. */
  close(): Promise<void>;
}

/** The parts that touch the machine. Tests and benchmarks replace them. */
export interface HostParts {
  readonly openRuntimes: typeof openRuntimes;
  readonly launch: typeof launch;
  readonly createHealthChecks: typeof createHealthChecks;
}

const realParts: HostParts = { openRuntimes, launch, createHealthChecks };

/** Starts the workers of this host. */
export async function startHost(
  config: Config,
  address: RedisAddress,
  logger: Logger,
  parts: HostParts = realParts,
): Promise<RunningHost> {
  return await openInOrder(async (opened) => await openHost({ config, address, logger, parts }, opened));
}

interface HostOptions {
  readonly config: Config;
  readonly address: RedisAddress;
  readonly logger: Logger;
  readonly parts: HostParts;
}

async function openHost(
  { config, address, logger, parts }: HostOptions,
  opened: AsyncDisposableStack,
): Promise<RunningHost> {
  const stopping = new AbortController();
  const connect = async () => await connected(connectForWork(address), opened);
  const redis = await connect();
  const queueRedis = await connect();
  const stores = createStores({ redis, config, secretKey: await secretKey(config), queueRedis, logger });
  opened.defer(stores.queues.close);
  const lease = await leaseHost(config, stores, logger, stopping);
  opened.defer(lease.release);
  const open = await openMachine({ config, logger, parts }, stores, stopping.signal);
  opened.defer(open.templates.settled);
  const health = opened.adopt(parts.createHealthChecks({ probeHost: config.probeHost }), (checks) => checks.close());
  const space = createEtcdSpace({ logger, signal: stopping.signal });
  opened.defer(space.settled);
  const context = contextOf({
    config,
    stores,
    open,
    health,
    space,
    launch: parts.launch,
    logger,
    signal: stopping.signal,
  });
  const reconciler = createReconciler(context);
  opened.defer(reconciler.settled);
  const workers = await startWorkers({
    ...stores,
    config,
    host: config.workerName,
    queueRedis,
    outboxRedis: await connect(),
    subscriber: await connect(),
    context,
    reconciler,
    runtimes: open.runtimes,
    defaultRuntime: open.defaultRuntime,
    versions: open.components.versions,
    advanceRemovals: stores.removals.advanceAll,
    logger,
    signal: stopping.signal,
  });
  opened.defer(workers.close);
  opened.defer(() => stopping.abort());
  const isStoreThere = async () => await redisAnswers(redis, config.storeTimeoutMs);
  return {
    defaultRuntime: open.defaultRuntime,
    prepared: prepareDefault(open.templates),
    isHealthy: async () => !lease.isLost() && workers.isHealthy() && (await isStoreThere()),
    awayRuntimes: () => awayRuntimes(open.runtimes),
    close: async () => await ((await isStoreThere()) ? opened.disposeAsync() : leave(stopping, logger)),
  };
}

/** Closing would wait for Redis, and what is left open is found by the next worker, as after a crash. */
function leave(stopping: AbortController, logger: Logger): void {
  stopping.abort();
  logger.warn('Redis does not answer: stopping without it');
}

async function prepareDefault(templates: WorkerContext['templates']): Promise<void> {
  const { kubernetesVersion, etcdVersion } = defaultVersions;
  await templates.ensure(kubernetesVersion, etcdVersion);
}

/** Finds out what this host can run sandboxes with. Throws `config_invalid`. */
async function openMachine(
  { config, logger, parts }: Omit<HostOptions, 'address'>,
  { redis, keys, store }: Stores,
  signal: AbortSignal,
) {
  const id = await serviceId(config.dataDir);
  const fit = { redis, keys, host: config.workerName };
  const open = await parts.openRuntimes(config, id, knownSandboxes({ ...fit, store }), logger, signal);
  await checkRecordsFit({ ...fit, id, runtimes: open.runtimes });
  return open;
}

/** Throws `conflict` when another worker serves the host. When another takes the host over later, this one stops. */
async function leaseHost(config: Config, { redis, keys }: Stores, logger: Logger, stopping: AbortController) {
  const host = config.workerName;
  let isLost = false;
  const lease = await holdHostLease({
    redis,
    keys,
    host,
    // Platforms other than Linux have no id of the boot: the name of the machine alone identifies it there.
    machine: `${hostname()}/${await bootId().catch(() => '')}`,
    onLost: () => {
      isLost = true;
      logger.error({ host }, 'another worker has taken this host over; stopping');
      stopping.abort();
    },
  });
  return { release: lease.release, isLost: () => isLost };
}

function contextOf(given: {
  config: Config;
  stores: Stores;
  open: Awaited<ReturnType<typeof openRuntimes>>;
  health: WorkerContext['health'];
  space: WorkerContext['space'];
  launch: WorkerContext['launch'];
  logger: Logger;
  signal: AbortSignal;
}): WorkerContext {
  const { config, stores, open, health, space, launch, logger, signal } = given;
  const { redis, keys, store, queues, deletion, hosts } = stores;
  return {
    host: config.workerName,
    store,
    queues,
    deletion,
    slots: createStartSlots(config.startConcurrency),
    ports: createPortLeases({
      redis,
      keys,
      range: config.portRange,
      isFree: (port) => isPortFree(port, config.bindAddress),
    }),
    health,
    space,
    disk: createDiskRoom({ folder: config.dataDir, reserveMiB: config.diskReserveMiB }),
    runtimes: open.runtimes,
    templates: open.templates,
    isServed: hosts.isServed,
    launch,
    advertiseHost: config.advertiseHost,
    probeHost: config.probeHost,
    logger,
    signal,
  };
}
