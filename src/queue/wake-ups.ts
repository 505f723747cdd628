import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { LaneKind, RedisKeys } from '../redis/keys.ts';

/** A job only says which sandbox to look at. The record says what to do. */
interface WakeUp {
  readonly sandboxId: string;
}

export interface WakeUps {
  /** Asks the worker of a host to look at a sandbox; `kind` is the lane it came by, if it came by one. */
  send(host: string, sandboxId: string, kind?: LaneKind): Promise<void>;
  close(): Promise<void>;
}

const queueName = (host: string) => `reconcile-${host}`;

// More than the lanes of a host let in: starts and changes wait there, by project, and not here.
const jobsAtOnce = 100;

export function createWakeUps({ redis, keys }: { redis: Redis; keys: RedisKeys }): WakeUps {
  const queues = new Map<string, Queue<WakeUp>>();

  function queueOf(host: string): Queue<WakeUp> {
    const known = queues.get(host);
    if (known) return known;
    const queue = new Queue<WakeUp>(queueName(host), {
      connection: redis,
      prefix: keys.base,
      skipVersionCheck: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    // Each failing add rejects by itself.
    queue.on('error', () => undefined);
    queues.set(host, queue);
    return queue;
  }

  return {
    async send(host, sandboxId, kind) {
      await queueOf(host).add(kind ?? 'look', { sandboxId });
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

function kindOf(jobName: string): LaneKind | undefined {
  return jobName === 'starts' || jobName === 'changes' ? jobName : undefined;
}

/** Takes the wake-ups of one host. `look` may be called twice for the same sandbox: delivery is at least once. */
export function createWakeUpWorker(options: {
  redis: Redis;
  keys: RedisKeys;
  host: string;
  look: (sandboxId: string, kind: LaneKind | undefined) => Promise<void>;
  onError: (error: Error) => void;
}): Worker<WakeUp> {
  const { redis, keys, host, look, onError } = options;
  const worker = new Worker<WakeUp>(queueName(host), (job) => look(job.data.sandboxId, kindOf(job.name)), {
    connection: redis,
    prefix: keys.base,
    concurrency: jobsAtOnce,
    skipVersionCheck: true,
    autorun: false,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  worker.on('error', onError);
  return worker;
}
