import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Runtime } from '../runtime/driver.ts';

/** What is asked of a runtime and not answered after this time may be late, or never come: it is asked whether it is there. */
const lateMs = 2000;

/** Whether a runtime is there that may go away and come back, as a daemon does. */
export interface Presence {
  /** Asks it. Returns why it does not answer; null: it does. Those who ask at the same time share one question. */
  look(): Promise<string | null>;
  /** What the last look found. */
  away(): string | null;
  /**
   * Whether sandboxes may name it: from when it first answered, or where sandboxes live on it; then also while it is away, as
   * they wait for it.
   */
  isOffered(): boolean;
}

interface PresenceOptions {
  readonly name: string;
  readonly ask: () => Promise<string | null>;
  /** Why it may not be used although it answers; null: it may. Asked until that is so. */
  readonly refuse: () => Promise<string | null>;
  /** Sandboxes of this host live on it. */
  readonly hasSandboxes: boolean;
  readonly logger: Logger;
}

/** Nothing was asked yet: `look` is called before it is used. */
export function createPresence({ name, ask, refuse, hasSandboxes, logger }: PresenceOptions): Presence {
  let isOffered = hasSandboxes;
  let isChecked = false;
  let away: string | null = null;
  let looking: Promise<string | null> | null = null;

  async function lookOnce(): Promise<string | null> {
    const silence = await ask();
    const found = silence ?? (isChecked ? null : await refuse().catch((error: Error) => error.message));
    if (found === null) isChecked = true;
    // It answers and is not used: that is for people to mend.
    if (silence === null && found !== null && found !== away)
      logger.warn({ runtime: name, reason: found }, 'runtime refused');
    // A machine may lack it for good: only of one that is missed it is worth a word.
    if (isOffered && (found === null) !== (away === null)) {
      if (found === null) logger.info({ runtime: name }, 'runtime answers again');
      else logger.warn({ runtime: name, reason: found }, 'runtime does not answer');
    }
    if (found === null && !isOffered) {
      isOffered = true;
      logger.info({ runtime: name }, 'runtime offered');
    }
    away = found;
    return found;
  }

  return {
    look() {
      looking ??= lookOnce().finally(() => {
        looking = null;
      });
      return looking;
    },
    away: () => away,
    isOffered: () => isOffered,
  };
}

/**
 * The same runtime, whose looks at what exists end soon when it stops answering in the middle of them, by `runtime_unavailable`:
 * each would end by its own time-out, which is for slow machines, and a sweep has several, one after the other.
 */
export function givingUpWhenAway(runtime: Runtime, presence: Presence): Runtime {
  return {
    ...runtime,
    observe: async (id) => await unlessAway(presence, runtime.observe(id)),
    etcdSocket: async (id) => await unlessAway(presence, runtime.etcdSocket(id)),
  };
}

async function unlessAway<Result>(presence: Presence, asked: Promise<Result>): Promise<Result> {
  const settled = new AbortController();
  const settle = () => settled.abort();
  void asked.then(settle, settle);
  while (!settled.signal.aborted) {
    // The rejection says that it has settled.
    await delay(lateMs, undefined, { signal: settled.signal }).catch(() => undefined);
    const away = settled.signal.aborted ? null : await presence.look();
    if (away !== null && !settled.signal.aborted) throw new AppError('runtime_unavailable', away);
  }
  return await asked;
}

type Runtimes = ReadonlyMap<string, { readonly presence?: Presence }>;

/** The names of those that sandboxes may name. */
export function offeredRuntimes(runtimes: Runtimes): string[] {
  return [...runtimes].filter(([, { presence }]) => presence?.isOffered() ?? true).map(([name]) => name);
}

/** Why those that are offered do not answer now. */
export function awayRuntimes(runtimes: Runtimes): string[] {
  return offeredRuntimes(runtimes).flatMap((name) => runtimes.get(name)?.presence?.away() ?? []);
}

/** Asks all of them. */
export async function lookAtAll(runtimes: Runtimes): Promise<void> {
  await Promise.all([...runtimes.values()].map(({ presence }) => presence?.look()));
}
