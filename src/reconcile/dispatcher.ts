import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { LaneKind, RedisKeys } from '../redis/keys.ts';
import type { Lanes } from '../sandbox/lanes.ts';

/** Changes are mostly deletions: little work each, but a thousand at once would still keep others waiting. */
const changesAtOnce = 32;
const kinds: readonly LaneKind[] = ['starts', 'changes'];

export interface DispatcherOptions {
  readonly lanes: Lanes;
  readonly host: string;
  /** Starts at the same time. */
  readonly slots: number;
  /** Queues a look at a sandbox. */
  readonly wake: (sandboxId: string, kind: LaneKind) => Promise<void>;
  readonly logger: Logger;
}

export type Dispatcher = ReturnType<typeof createDispatcher>;

/** Lets the waiting work of a host into its queue, project by project in turn. */
export function createDispatcher({ lanes, host, slots, wake, logger }: DispatcherOptions) {
  const limits: Readonly<Record<LaneKind, number>> = { starts: slots, changes: changesAtOnce };
  /** Places for starts that this process knows to be held. */
  const held = new Set<string>();
  let called = false;
  let running: Promise<void> | undefined;

  /** A wake-up that is lost is found by the sweep: the sandbox holds its place. */
  async function wakeAll(ids: readonly string[], kind: LaneKind): Promise<void> {
    if (kind === 'starts') for (const id of ids) held.add(id);
    await Promise.all(
      ids.map((id) =>
        wake(id, kind).catch((error: unknown) => logger.warn({ sandboxId: id, err: error }, 'wake-up not sent')),
      ),
    );
  }

  async function pump(): Promise<void> {
    while (called) {
      called = false;
      for (const kind of kinds) await wakeAll(await lanes.grant(host, kind, limits[kind]), kind);
    }
  }

  /** Gives turns to whom they are due. Calls while it does so make it look once more. */
  function dispatch(): void {
    called = true;
    running ??= pump()
      .catch((error: unknown) => logger.warn({ err: error }, 'dispatch cut short'))
      .finally(() => {
        running = undefined;
        if (called) dispatch();
      });
  }

  async function release(kind: LaneKind, id: string): Promise<void> {
    if (kind === 'starts') held.delete(id);
    await lanes.release(host, kind, id);
    dispatch();
  }

  return {
    dispatch,
    /** True when `id` may start now; otherwise it waits for its turn. */
    async claimStart(project: string, id: string): Promise<boolean> {
      const granted = await lanes.claim(host, 'starts', slots, project, id);
      const others = granted.filter((other) => other !== id);
      if (others.length > 0) await wakeAll(others, 'starts');
      if (!granted.includes(id)) return false;
      held.add(id);
      return true;
    },
    release,
    /** Gives back a place that turned out not to be needed. */
    async releaseUnused(id: string): Promise<void> {
      if (held.has(id)) await release('starts', id);
    },
    holders: (kind: LaneKind) => lanes.holders(host, kind),
    async settled(): Promise<void> {
      await running;
    },
  };
}

/** One look at a sandbox; a place in the lane of changes is given back after it. */
export async function lookAt(
  sandboxId: string,
  kind: LaneKind | undefined,
  { reconcile, dispatcher }: { reconcile: (sandboxId: string) => Promise<void>; dispatcher: Dispatcher },
): Promise<void> {
  try {
    await reconcile(sandboxId);
  } finally {
    if (kind === 'changes') await dispatcher.release('changes', sandboxId);
  }
}

/** Calls the dispatcher whenever something joins a lane of the host. `subscriber` may have other subscriptions. */
export async function listenForCalls(options: {
  subscriber: Redis;
  keys: RedisKeys;
  host: string;
  onCall: () => void;
}): Promise<void> {
  const channel = options.keys.laneCalls(options.host);
  options.subscriber.on('message', (from: string) => {
    if (from === channel) options.onCall();
  });
  await options.subscriber.subscribe(channel);
}
