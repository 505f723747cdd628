import { Redis, type RedisOptions, ReplyError } from 'ioredis';
import { authorityOf } from '../config/authority.ts';
import { AppError } from '../errors.ts';
import { readScripts } from './scripts.ts';

/** Where Redis is: a URL, or the path of a Unix socket. */
export type RedisAddress = { readonly url: string } | { readonly path: string };

// The back-off has a cap: after an outage, work goes on within seconds, not after the default's growing pauses.
// `attempt` counts from 1, and what is returned is in milliseconds.
const retryStrategy = (attempt: number) => Math.min(50 * 2 ** attempt, 2000);

/** Reads REDIS_URL: unix:///run/redis.sock is the path of a socket, all else a URL. */
export function redisAddress(url: string): RedisAddress {
  return url.startsWith('unix://') ? { path: url.slice('unix://'.length) } : { url };
}

/**
 * For requests: commands fail fast, so that a user gets a 503 instead of a hanging connection. `commandTimeout` is in
 * ms.
 */
export function connectForRequests(address: RedisAddress, commandTimeout: number): Redis {
  return connect(address, { commandTimeout, maxRetriesPerRequest: 1, enableOfflineQueue: false });
}

/** The Redis that API and worker share when they run apart. Throws `config_invalid` when none is set. */
export function sharedRedisAddress(url: string | undefined): RedisAddress {
  if (!url) throw new AppError('config_invalid', 'API and worker apart share a Redis: set REDIS_URL.');
  return redisAddress(url);
}

/**
 * Connects. The connection ends when what `opened` notes is closed. Throws `store_unavailable` with the place and the
 * reason, but not with the password of a URL.
 */
export async function connected(redis: Redis, opened: AsyncDisposableStack): Promise<Redis> {
  opened.defer(() => redis.disconnect());
  let reason: Error | undefined;
  redis.once('error', (error: Error) => {
    reason = error;
  });
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    const cause = reason ?? (error as Error);
    const { path, host = '', port = 0 } = redis.options;
    const place = path ?? authorityOf(host, port);
    const detail = `No Redis answers at ${place} (${cause.message}). Start it, or set REDIS_URL to one that does.`;
    throw new AppError('store_unavailable', detail, { cause });
  }
}

/** For workers and subscriptions: commands wait until Redis is back. */
export function connectForWork(address: RedisAddress): Redis {
  return connect(address, { maxRetriesPerRequest: null });
}

function connect(address: RedisAddress, given: Omit<RedisOptions, 'replyMapping'>): Redis {
  const options = { ...given, scripts: readScripts(), retryStrategy, lazyConnect: true };
  const redis = 'url' in address ? new Redis(address.url, options) : new Redis(address.path, options);
  // Nothing to do here: each failing command rejects by itself. Without a listener a lost connection would end the
  // process.
  redis.on('error', () => undefined);
  return redis;
}

/** Whether Redis has refused a command that it takes at other times, as while it is full or its disk is. */
export function isRefusedWrite(error: unknown): boolean {
  return error instanceof ReplyError && asStoreError(error) !== error;
}

/**
 * Turns the failures of a Redis that cannot be reached, hangs or is full into `store_unavailable`, of one whose disk is full
 * into `disk_full`; returns all other errors as they are.
 */
export function asStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const unavailable =
    /Connection is closed|Command timed out|Stream isn't writeable|max retries per request|ECONNREFUSED|ENOENT|EPIPE|ECONNRESET|^OOM |^LOADING |^READONLY |^MISCONF /i;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (/^NOREPLICAS |^MISCONF .*No space left/i.test(error.message)) {
    const detail =
      'The store takes no writes now, only reads: its disk is full (or a Redis of your own lacks replicas). Make room and try again.';
    return new AppError('disk_full', detail, { cause: error, retryAfterSeconds: 5 });
  }
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
