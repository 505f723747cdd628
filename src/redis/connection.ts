import { Redis, type RedisOptions } from 'ioredis';
import type { Batch } from '../coalesce.ts';
import { AppError } from '../errors.ts';
import { readScripts } from './scripts.ts';

/** Where Redis is: a URL, or the path of a Unix socket. */
export type RedisAddress = { readonly url: string } | { readonly path: string };

/** Enough that writing costs little, and few enough that Redis works while the others are being made. */
const writeAtOnce = 16;

// A cap on the back-off: after an outage, work goes on within seconds, not after the default's growing pauses.
const retryStrategy = (attempt: number) => Math.min(50 * 2 ** attempt, 2000);

/** REDIS_URL as an address: unix:///run/redis.sock is a path. */
export function redisAddress(url: string): RedisAddress {
  return url.startsWith('unix://') ? { path: url.slice('unix://'.length) } : { url };
}

/** For requests: fails fast, so that a user gets a 503 instead of a hanging connection. */
export function connectForRequests(address: RedisAddress, commandTimeout: number): Redis {
  return writeByTurns(connect(address, { commandTimeout, maxRetriesPerRequest: 1, enableOfflineQueue: false }));
}

/** The commands of one turn that are not sent yet. */
interface HeldCommands {
  readonly stream: Redis['stream'];
  count: number;
  /** What still wants to send something along. */
  readonly joining: (() => void)[];
}

const holders = new WeakMap<Redis, { unsent: Batch; join(send: () => void): void }>();

/**
 * The commands that are not sent yet: who shares the answer to one of them gets what is true after asking. None of a
 * connection that sends each at once.
 */
export function unsentOf(redis: Redis): Batch {
  return holders.get(redis)?.unsent ?? (() => undefined);
}

/** Calls `send` right before the commands of this turn are sent, so that what it sends goes with them. */
export function sendAlong(redis: Redis, send: () => void): void {
  const holder = holders.get(redis);
  if (holder) holder.join(send);
  else setImmediate(send);
}

/**
 * Sends the commands of one turn of the event loop by one system call: writing is most of what a small request costs.
 * ioredis' own `enableAutoPipelining` would also hold all replies back for the last of them, and all commands while a
 * write waits for the disk.
 */
function writeByTurns(redis: Redis): Redis {
  const sendCommand = redis.sendCommand;
  let held: HeldCommands | undefined;
  const hold = (): HeldCommands | undefined => {
    if (held || !redis.stream) return held;
    const begun: HeldCommands = { stream: redis.stream, count: 0, joining: [] };
    held = begun;
    begun.stream.cork();
    setImmediate(() => release(begun));
    return begun;
  };
  const release = (batch: HeldCommands) => {
    for (const send of batch.joining.splice(0)) send();
    // What joined may have filled it.
    if (held !== batch) return;
    held = undefined;
    batch.stream.uncork();
  };
  redis.sendCommand = function sendHeld(...given) {
    const batch = hold();
    const sent = sendCommand.apply(redis, given);
    if (batch && ++batch.count >= writeAtOnce) release(batch);
    return sent;
  };
  holders.set(redis, {
    unsent: () => held,
    join(send) {
      const batch = hold();
      if (batch) batch.joining.push(send);
      else send();
    },
  });
  return redis;
}

/** For workers and subscriptions: waits for Redis to come back. */
export function connectForWork(address: RedisAddress): Redis {
  return connect(address, { maxRetriesPerRequest: null });
}

function connect(address: RedisAddress, given: Omit<RedisOptions, 'replyMapping'>): Redis {
  const options = { ...given, scripts: readScripts(), retryStrategy, lazyConnect: true };
  const redis = 'url' in address ? new Redis(address.url, options) : new Redis(address.path, options);
  // Every failing command rejects by itself; without a listener a lost connection would end the process.
  redis.on('error', () => undefined);
  return redis;
}

/** Turns the failures of a Redis that is gone, frozen or full into `store_unavailable`; rethrows all else. */
export function asStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const unavailable =
    /Connection is closed|Command timed out|Stream isn't writeable|max retries per request|ECONNREFUSED|ENOENT|EPIPE|ECONNRESET|^OOM |^LOADING |^READONLY |^MISCONF /i;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!unavailable.test(`${error.message} ${code}`)) return error;
  return new AppError(
    'store_unavailable',
    'The store does not answer. Try again; with an Idempotency-Key a repeated create is safe.',
    {
      cause: error,
      retryAfterSeconds: 2,
    },
  );
}
