import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolveVersions } from '../../src/components/catalog.ts';
import { createLogger } from '../../src/logger.ts';
import { createDispatcher, listenForCalls, lookAt } from '../../src/reconcile/dispatcher.ts';
import { createPortLeases } from '../../src/reconcile/port-leases.ts';
import { createReconciler } from '../../src/reconcile/reconcile.ts';
import { sweep, sweepWaiting } from '../../src/reconcile/sweep.ts';
import { createChanges } from '../../src/redis/changes.ts';
import { connectForWork } from '../../src/redis/connection.ts';
import { type LaneKind, redisKeys } from '../../src/redis/keys.ts';
import { createSealer } from '../../src/redis/seal.ts';
import { createFakeRuntime, type StartHook } from '../../src/runtime/fake.ts';
import { createHistory } from '../../src/sandbox/history.ts';
import { createLanes } from '../../src/sandbox/lanes.ts';
import { defineScripts } from '../../src/sandbox/scripts.ts';
import { createSandboxService } from '../../src/sandbox/service.ts';
import { createStore } from '../../src/sandbox/store.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { createProjects } from '../../src/tenancy/projects.ts';
import { defineTenancyScripts } from '../../src/tenancy/scripts.ts';
import { createFeed } from '../../src/watch/watch.ts';
import { temporaryFolder } from './service.ts';

const host = 'fake-host';
export const quotas = {
  sandboxes: 10_000,
  awake: 10_000,
  startsPerMinute: 100_000,
  maxTtlSeconds: null,
  memoryMiB: 1_000_000_000,
  diskMiB: 1_000_000_000,
};
const portRange = { first: 40_000, last: 49_999 };

/** A host with a real Redis and the fake runtime, in which the test decides what happens in which order. */
export async function startFakeHost({ onStart, slots = 4 }: { onStart?: StartHook; slots?: number } = {}) {
  const dir = await temporaryFolder();
  const redisServer = await startEmbeddedRedis(dir);
  const redis = defineTenancyScripts(defineScripts(connectForWork(redisServer.address)));
  const subscriber = connectForWork(redisServer.address);
  await Promise.all([redis.connect(), subscriber.connect()]);
  const keys = redisKeys('fake');
  const logger = createLogger(process.env.TEST_LOG ?? 'silent');
  const runtime = createFakeRuntime(onStart ? { onStart } : {});
  const store = createStore({ redis, keys, sealer: createSealer(randomBytes(32)) });
  const lanes = createLanes({ redis, keys });
  const changes = createChanges({ redis: subscriber, keys });
  await createProjects({ redis, keys, defaults: quotas }).ensureDefault();
  const stopping = new AbortController();
  const runtimes = new Map([['process', { runtime, obtain: async () => 'there', listenAddress: '127.0.0.1' }]]);
  const broken = new Set<string>();
  const underWay = new Set<Promise<void>>();
  const wake = async (id: string, kind?: LaneKind): Promise<void> => {
    const looking = lookAt(id, kind, { reconcile, dispatcher }).finally(() => underWay.delete(looking));
    underWay.add(looking);
  };
  const dispatcher = createDispatcher({ lanes, host, slots, wake, logger });
  const { reconcile, settled } = createReconciler({
    host,
    store,
    dispatcher,
    ports: createPortLeases({ redis, keys, range: portRange, isFree: async () => true }),
    health: {
      isHealthy: async (_runtime, { sandbox }) => !broken.delete(sandbox.id),
      forget: () => undefined,
      close: () => undefined,
    },
    runtimes,
    templates: { find: async () => null, ensure: async () => null, settled: async () => undefined },
    async launch({ plan, signal }) {
      await runtime.prepare(plan, signal);
      for (const component of plan.components) await runtime.start(plan, component, signal);
      return { etcdMs: 1, apiServerMs: 1, firstWriteMs: 1 };
    },
    wake,
    portRange,
    advertiseHost: '127.0.0.1',
    probeHost: '127.0.0.1',
    logger,
    signal: stopping.signal,
  });
  const service = createSandboxService({
    store,
    lanes,
    hosts: { place: async () => ({ host, runtime: 'process' }), alive: async () => [] } as never,
    changes,
    feed: createFeed({ redis, keys, changes, store, maxWatchers: { project: 100, all: 100 } }),
    history: createHistory({ redis, keys }),
    maxTtlSeconds: async () => null,
    resolveVersions,
    readLogs: async function* () {},
    logger,
  });
  await listenForCalls({ subscriber, keys, host, onCall: dispatcher.dispatch });
  const sweeping = { host, store, dispatcher, runtimes, reconcile, logger, signal: stopping.signal };
  return {
    service,
    runtime,
    changes,
    store,
    lanes,
    redis,
    keys,
    wake,
    /** The next reconciliation finds it dead. */
    break(id: string): void {
      broken.add(id);
      for (const component of ['kube-apiserver', 'etcd']) void runtime.stop(id, component, 0);
    },
    async sweep(): Promise<void> {
      await sweepWaiting(sweeping);
      await sweep(sweeping);
    },
    /** Resolves when nothing is under way. */
    async quiet(): Promise<void> {
      do {
        await dispatcher.settled();
        await Promise.all(underWay);
        await settled();
      } while (underWay.size > 0);
    },
    async close(): Promise<void> {
      stopping.abort();
      redis.disconnect();
      subscriber.disconnect();
      await redisServer.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
