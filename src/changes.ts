import { EventEmitter, once } from 'node:events';
import type { Redis } from 'ioredis';
import type { RedisKeys } from './redis-keys.ts';

/** Messages may be lost while Redis is away: whoever waits also looks again after this long. */
const lookAgainMs = 2000;

export interface ChangeListener {
  /** Resolves at the next change since the last call, or after `timeoutMs`, or after a while to be sure. */
  next(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

export type Changes = Awaited<ReturnType<typeof createChanges>>;

/**
 * Tells what has changed, from one subscription for the whole process. A message names the topics it is about: a
 * project and a sandbox, or a key.
 */
export async function createChanges({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  const emitter = new EventEmitter().setMaxListeners(0);
  // The connection may be shared with other subscriptions.
  redis.on('message', (channel: string, text: string) => {
    if (channel !== keys.changes) return;
    for (const topic of text.split(' ')) emitter.emit(topic);
  });
  await redis.subscribe(keys.changes);

  return {
    /** Calls `onChange` at each change; returns how to stop. Messages may be lost while Redis is away. */
    on(topic: string, onChange: () => void): () => void {
      emitter.on(topic, onChange);
      return () => void emitter.off(topic, onChange);
    },
    listen(topic: string): ChangeListener {
      let changed = false;
      const mark = () => {
        changed = true;
      };
      emitter.on(topic, mark);
      return {
        async next(timeoutMs, signal) {
          const timeout = AbortSignal.timeout(Math.ceil(Math.max(1, Math.min(timeoutMs, lookAgainMs))));
          const until = AbortSignal.any([timeout, signal]);
          // The rejection only says that the time is up, or that the caller has gone.
          if (!changed) await once(emitter, topic, { signal: until }).catch(() => undefined);
          changed = false;
        },
        close: () => void emitter.off(topic, mark),
      };
    },
  };
}
