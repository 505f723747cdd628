import type { Redis } from 'ioredis';
import type { RedisKeys } from './keys.ts';
import { waitForCall } from './wait-for-call.ts';

/** Notifications may be lost while Redis is away: whoever waits also looks again after this long. */
const lookAgainMs = 2000;

export interface ChangeListener {
  /** Resolves at the next change since the last call, after `timeoutMs`, or after 2 s without any notification. */
  next(timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

export type Changes = ReturnType<typeof createChanges>;

/**
 * Notifies of changes in the store, from one subscription for the whole process. `redis` is connected, and may be shared with
 * other subscriptions. A message names the topics it is about: a project and a sandbox, `key:<id>` or `project:<uid>`.
 * Messages may be lost while Redis is away; once it is back, everybody is called to look again.
 */
export function createChanges({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  const listening = new Map<string, Set<() => void>>();

  const tell = (topic: string) => {
    for (const onChange of listening.get(topic) ?? []) onChange();
  };

  /** Also after a reconnect, when ioredis has subscribed again already: the reply says that from here on nothing is missed. */
  const subscribe = () => {
    redis.subscribe(keys.changes).then(
      () => [...listening.keys()].forEach(tell),
      // The connection was lost again: its next `ready` subscribes, and until then listeners look by themselves.
      () => undefined,
    );
  };

  redis.on('message', (channel: string, text: string) => {
    if (channel === keys.changes) for (const topic of text.split(' ')) tell(topic);
  });
  redis.on('ready', subscribe);
  subscribe();

  /** Calls `onChange` at each change, and sometimes without one; returns how to stop. */
  function on(topic: string, given: () => void): () => void {
    // A function of its own: the same one may be given twice.
    const onChange = () => given();
    const others = listening.get(topic) ?? new Set();
    listening.set(topic, others.add(onChange));
    return () => {
      if (!others.delete(onChange)) return;
      if (others.size === 0 && listening.get(topic) === others) listening.delete(topic);
    };
  }

  function listen(topic: string): ChangeListener {
    let changed = false;
    const waiting = new Set<() => void>();
    const close = on(topic, () => {
      changed = true;
      for (const wake of waiting) wake();
    });
    return {
      async next(timeoutMs, signal) {
        if (!changed) await waitForCall(waiting, Math.min(timeoutMs, lookAgainMs), signal);
        changed = false;
      },
      close,
    };
  }

  return { on, listen };
}
