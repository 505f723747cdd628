import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../src/config/config.ts';
import type { SandboxQueues } from '../src/queue/sandbox-queues.ts';
import type { Reconciler } from '../src/reconcile/reconciler.ts';
import type { HostRuntime, WorkerContext } from '../src/reconcile/worker-context.ts';
import type { RedisKeys } from '../src/redis/keys.ts';
import type { Sealer } from '../src/redis/seal.ts';
import type { Hosts } from '../src/sandbox/hosts.ts';
import type { Store } from '../src/sandbox/store.ts';
import type { VersionReport } from '../src/schemas/version.ts';

/** What the workers of a host are made of. */
export interface WorkerParts {
  readonly config: Config;
  /** The name of the host. */
  readonly host: string;
  readonly redis: Redis;
  /** For BullMQ, which makes further connections like it for what blocks. */
  readonly queueRedis: Redis;
  /** For the outbox, whose reading blocks it. */
  readonly outboxRedis: Redis;
  /** For subscriptions. */
  readonly subscriber: Redis;
  readonly keys: RedisKeys;
  readonly sealer: Sealer;
  readonly store: Store;
  readonly queues: SandboxQueues;
  readonly hosts: Hosts;
  readonly context: WorkerContext;
  readonly reconciler: Reconciler;
  readonly runtimes: ReadonlyMap<string, HostRuntime>;
  readonly defaultRuntime: string;
  /** What is ready on this host, and what can be had. */
  readonly versions: () => Promise<readonly VersionReport[]>;
  /** Goes on with the deletion of projects. */
  readonly advanceRemovals: () => Promise<void>;
  readonly logger: Logger;
  /** Aborts when the host stops or is lost: then nothing is touched any more. */
  readonly signal: AbortSignal;
}

/** A worker that was started. */
export interface RunningWorker {
  close(): void | Promise<void>;
}
