import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RedisKeys } from './sandbox/keys.ts';

/** A job only says which sandbox to look at. The record says what to do. */
interface WakeUp {
  readonly sandboxId: string;
}

export interface WakeUps {
  /** Asks the worker of a host to look at a sandbox. */
  send(host: string, sandboxId: string): Promise<void>;
  close(): Promise<void>;
}

const queueName = (host: string) => `reconcile-${host}`;

// A host is shared by few workers, and most of a job is waiting: only starts are limited, by their own queue.
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
    async send(host, sandboxId) {
      await queueOf(host).add('reconcile', { sandboxId });
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

/** Takes the wake-ups of one host. `reconcile` may be called twice for the same sandbox: delivery is at least once. */
export function createWakeUpWorker(options: {
  redis: Redis;
  keys: RedisKeys;
  host: string;
  reconcile: (sandboxId: string) => Promise<void>;
  onError: (error: Error) => void;
}): Worker<WakeUp> {
  const { redis, keys, host, reconcile, onError } = options;
  const worker = new Worker<WakeUp>(queueName(host), (job) => reconcile(job.data.sandboxId), {
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
