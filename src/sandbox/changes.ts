import { EventEmitter, once } from 'node:events';
import type { Redis } from 'ioredis';
import type { RedisKeys } from './keys.ts';

/** Messages may be lost while Redis is away: whoever waits also looks again after this long. */
const lookAgainMs = 2000;

export interface ChangeListener {
  /** Resolves at the next change since the last call, or after `timeoutMs`, or after a while to be sure. */
  next(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

export type Changes = Awaited<ReturnType<typeof createChanges>>;

/** Tells which sandbox has changed, from one subscription for the whole process. `redis` is used up by it. */
export async function createChanges({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  const emitter = new EventEmitter().setMaxListeners(0);
  // The connection may be shared with other subscriptions.
  redis.on('message', (channel: string, sandboxId: string) => {
    if (channel === keys.changes) emitter.emit(sandboxId);
  });
  await redis.subscribe(keys.changes);

  return {
    listen(sandboxId: string): ChangeListener {
      let changed = false;
      const mark = () => {
        changed = true;
      };
      emitter.on(sandboxId, mark);
      return {
        async next(timeoutMs, signal) {
          const timeout = AbortSignal.timeout(Math.max(1, Math.min(timeoutMs, lookAgainMs)));
          const until = AbortSignal.any([timeout, signal]);
          // The rejection only says that the time is up, or that the caller has gone.
          if (!changed) await once(emitter, sandboxId, { signal: until }).catch(() => undefined);
          changed = false;
        },
        close: () => void emitter.off(sandboxId, mark),
      };
    },
  };
}
