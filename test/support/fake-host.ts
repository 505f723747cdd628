import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { resolveVersions } from '../../src/components/catalog.ts';
import { createLogger } from '../../src/logger.ts';
import { hostQueue, type SandboxJob, startQueue } from '../../src/queue/names.ts';
import { createDiskRoom } from '../../src/reconcile/disk-room.ts';
import { createEtcdSpace } from '../../src/reconcile/etcd-space.ts';
import { createPortLeases } from '../../src/reconcile/port-leases.ts';
import type { Presence } from '../../src/reconcile/presence.ts';
import { createReconciler } from '../../src/reconcile/reconciler.ts';
import { createStartSlots } from '../../src/reconcile/start-slots.ts';
import { sweepDue, sweepHost, sweepLostStarts } from '../../src/reconcile/sweep.ts';
import type { WorkerContext } from '../../src/reconcile/worker-context.ts';
import { createChanges } from '../../src/redis/changes.ts';
import { connectForWork } from '../../src/redis/connection.ts';
import { createFakeRuntime, type StartHook } from '../../src/runtime/fake.ts';
import { createHistory } from '../../src/sandbox/history.ts';
import { createSandboxService } from '../../src/sandbox/service.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { createStores } from '../../src/start/stores.ts';
import { createProjects, ensureDefaultProject } from '../../src/tenancy/projects.ts';
import { sandboxWorker } from '../../workers/sandbox-worker.ts';
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

interface FakeHostOptions {
  readonly onStart?: StartHook;
  readonly slots?: number;
  /** Of its runtime, when that may go away. */
  readonly presence?: Presence;
  readonly ports?: { readonly first: number; readonly last: number };
  /** Whether no stranger has the port. */
  readonly isFree?: (port: number) => Promise<boolean>;
}

/** The domain with a real Redis, real queues and the fake runtime: what happens in which order is up to the test. */
export async function startFakeHost({
  onStart,
  slots = 4,
  presence,
  ports = { first: 40_000, last: 49_999 },
  isFree = async () => true,
}: FakeHostOptions = {}) {
  const dir = await temporaryFolder();
  const redisServer = await startEmbeddedRedis(dir);
  const redis = connectForWork(redisServer.address);
  const subscriber = connectForWork(redisServer.address);
  await Promise.all([redis.connect(), subscriber.connect()]);
  const logger = createLogger(process.env.TEST_LOG ?? 'silent');
  const config = { redisPrefix: 'fake', quotas, eventLogLength: 5000 };
  const stores = createStores({ redis, config, secretKey: randomBytes(32), logger });
  const { keys, store, queues, deletion } = stores;
  const runtime = createFakeRuntime(onStart ? { onStart } : {});
  const changes = createChanges({ redis: subscriber, keys });
  await ensureDefaultProject(createProjects({ redis, keys, defaults: quotas }));
  const stopping = new AbortController();
  const broken = new Set<string>();
  const context: WorkerContext = {
    host,
    store,
    queues,
    deletion,
    slots: createStartSlots(slots),
    ports: createPortLeases({ redis, keys, range: ports, isFree }),
    health: {
      look: async (_runtime, { sandbox }) => (broken.delete(sandbox.id) ? 'exited' : 'ready'),
      forget: () => undefined,
      close: () => undefined,
    },
    space: createEtcdSpace({ logger, signal: stopping.signal }),
    disk: createDiskRoom({ folder: dir, reserveMiB: 0 }),
    runtimes: new Map([
      [
        'process',
        {
          runtime,
          obtain: async () => 'there',
          listenAddress: '127.0.0.1',
          ownAddresses: () => [],
          ...(presence ? { presence } : {}),
        },
      ],
    ]),
    templates: { find: async () => null, ensure: async () => null, settled: async () => undefined },
    isServed: async () => true,
    async launch({ plan, signal }) {
      await runtime.prepare(plan, signal);
      for (const component of plan.components) await runtime.start(plan, component, signal);
      return { etcdMs: 1, apiServerMs: 1, firstWriteMs: 1 };
    },
    advertiseHost: '127.0.0.1',
    probeHost: '127.0.0.1',
    logger,
    signal: stopping.signal,
  };
  const reconciler = createReconciler(context);
  const service = createSandboxService({
    store,
    queues,
    deletion,
    hosts: { runtimeFor: async () => 'process', alive: async () => [] } as never,
    changes,
    history: createHistory({ redis, keys }),
    maxTtlSeconds: async () => null,
    resolveVersions,
    readLogs: async function* () {},
    logger,
  });
  const parts = { queueRedis: redis, keys, queues, store, reconciler, logger, signal: stopping.signal };
  const names = [startQueue('process'), hostQueue(host)] as const;
  const workers = [
    sandboxWorker(parts, { queue: names[0], concurrency: slots }),
    sandboxWorker(parts, { queue: names[1], concurrency: 32 }),
  ];
  const opened: Queue<SandboxJob>[] = [];
  const openQueue = (name: string) => {
    const queue = new Queue<SandboxJob>(name, { connection: redis, prefix: keys.base });
    opened.push(queue);
    return queue;
  };
  const [starts, changing] = [openQueue(names[0]), openQueue(names[1])];
  const jobs = async () => (await starts.getJobCountByTypes()) + (await changing.getJobCountByTypes());
  return {
    service,
    runtime,
    changes,
    store,
    deletion,
    redis,
    keys,
    /** The queue of the starts. */
    starts,
    queues,
    openQueue,
    /** As a job that comes for a sandbox has it. */
    work: reconciler.work,
    /** Its next check finds it dead. */
    break(id: string): void {
      broken.add(id);
      for (const component of ['kube-apiserver', 'etcd']) void runtime.stop(id, component, 0);
    },
    async sweep(): Promise<void> {
      await sweepLostStarts(context);
      await sweepHost(context, reconciler);
      await sweepDue(context);
    },
    /** Resolves when nothing waits and nothing is under way. */
    async quiet(): Promise<void> {
      while ((await jobs()) > 0) await delay(10);
      await reconciler.settled();
    },
    async close(): Promise<void> {
      stopping.abort();
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all([...opened.map((queue) => queue.close()), queues.close()]);
      redis.disconnect();
      subscriber.disconnect();
      await redisServer.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
