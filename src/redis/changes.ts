import type { Redis } from 'ioredis';
import type { RedisKeys } from './keys.ts';

/** Messages may be lost while Redis is away: whoever waits also looks again after this long. */
const lookAgainMs = 2000;
/** Who waits for one sandbox is often followed by another. */
const keepSubscribedMs = 10_000;

export interface ChangeListener {
  /** Resolves at the next change since the last call, or after `timeoutMs`, or after a while to be sure. */
  next(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

export type Changes = ReturnType<typeof createChanges>;

/**
 * Tells what has changed, from one subscription for the whole process, held while somebody listens: each message costs
 * Redis and its reader about as much as a small request. A message names the topics it is about: a project and a sandbox,
 * or a key. Messages may be lost while Redis is away; once it tells again, all are called to look again.
 */
export function createChanges({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  const listening = new Map<string, Set<() => void>>();
  let leaving: NodeJS.Timeout | undefined;

  const tell = (topic: string) => {
    for (const onChange of listening.get(topic) ?? []) onChange();
  };

  // The connection may be shared with other subscriptions.
  redis.on('message', (channel: string, text: string) => {
    if (channel === keys.changes) for (const topic of text.split(' ')) tell(topic);
  });
  redis.on('ready', () => {
    if (listening.size > 0) subscribe();
  });

  /** Also when it is subscribed already, as after a reconnect: the answer says that from here on nothing is missed. */
  function subscribe(): void {
    redis.subscribe(keys.changes).then(
      () => [...listening.keys()].forEach(tell),
      // A connection that comes back subscribes again, and until then listeners look by themselves.
      () => undefined,
    );
  }

  /** Calls `onChange` at each change, and sometimes without one; returns how to stop. */
  function on(topic: string, given: () => void): () => void {
    // A function of its own: the same may be given twice.
    const onChange = () => given();
    if (listening.size === 0 && !leaving) subscribe();
    clearTimeout(leaving);
    leaving = undefined;
    const others = listening.get(topic) ?? new Set();
    listening.set(topic, others.add(onChange));
    return () => {
      if (!others.has(onChange)) return;
      others.delete(onChange);
      if (others.size === 0 && listening.get(topic) === others) listening.delete(topic);
      if (listening.size === 0) leaveLater();
    };
  }

  function leaveLater(): void {
    clearTimeout(leaving);
    leaving = setTimeout(() => {
      leaving = undefined;
      redis.unsubscribe(keys.changes).catch(() => undefined);
    }, keepSubscribedMs).unref();
  }

  function listen(topic: string): ChangeListener {
    let changed = false;
    let wake = () => {};
    const close = on(topic, () => {
      changed = true;
      wake();
    });
    return {
      async next(timeoutMs, signal) {
        if (!changed && !signal.aborted) {
          const until = Promise.withResolvers<void>();
          wake = until.resolve;
          const timer = setTimeout(wake, Math.min(timeoutMs, lookAgainMs));
          signal.addEventListener('abort', wake);
          await until.promise;
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
        }
        changed = false;
      },
      close,
    };
  }

  return { on, listen };
}
