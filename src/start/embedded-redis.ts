import { mkdir } from 'node:fs/promises';
import { totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { RedisAddress } from '../redis/connection.ts';
import { adjustToDisk, bringUp, type RedisServer, shutDown, untilEnded } from './redis-server.ts';

/** The pause before it is started again, twice as long each time that it has ended sooner than the longest. */
const firstPauseMs = 100;
const longestPauseMs = 2000;
const diskEveryMs = 1000;

export interface EmbeddedRedis {
  readonly address: RedisAddress;
  /** The path of its Unix socket. */
  readonly socket: string;
  /** As REDIS_URL takes it. */
  readonly url: string;
  /** Resolves when it has ended, with everything on disk. */
  stop(): Promise<void>;
}

interface EmbeddedRedisOptions {
  /** Default: half of the machine's. */
  readonly memoryMiB?: number | undefined;
  /** Is told when it ends by itself. */
  readonly logger?: Logger;
}

/**
 * A redis-server of our own, with its data in `<data>/redis` and no port. One that outlived a killed service is taken
 * over; one that ends by itself is started again. Every write is on the disk before it is acknowledged. A full memory or
 * disk refuses writes; nothing is forgotten.
 */
export async function startEmbeddedRedis(
  dataDir: string,
  { memoryMiB, logger }: EmbeddedRedisOptions = {},
): Promise<EmbeddedRedis> {
  const socket = redisSocketIn(dataDir);
  const dir = path.dirname(socket);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if (socket.length > 100) {
    throw new AppError('config_invalid', `SANDPLANE_DATA_DIR is too long: ${socket} must have at most 100 characters.`);
  }
  const memoryBytes = memoryMiB ? memoryMiB * 1024 * 1024 : availableBytes() / 2;
  const server: RedisServer = { dir, socket, memoryBytes, takesWrites: null };
  const stopping = new AbortController();
  await bringUp(server, stopping.signal);
  // One that has outlived a service may still be told to refuse writes.
  await adjustToDisk(server);
  const supervised = Promise.all([
    supervise(server, logger, stopping.signal),
    watchDisk(server, logger, stopping.signal),
  ]);
  return {
    address: { path: socket },
    socket,
    url: `unix://${socket}`,
    async stop() {
      stopping.abort();
      await supervised;
      await shutDown(server);
    },
  };
}

/** Ends one that runs, whoever has started it. */
export async function stopEmbeddedRedis(dataDir: string): Promise<void> {
  await shutDown({ socket: redisSocketIn(dataDir) });
}

/** Where the one of this data folder answers. */
export function redisSocketIn(dataDir: string): string {
  return path.join(dataDir, 'redis', 'redis.sock');
}

/**
 * Starts it again whenever it has ended, and goes on trying where that fails: what it needs may be there later, as room on
 * the disk.
 */
async function supervise(server: RedisServer, logger: Logger | undefined, signal: AbortSignal): Promise<void> {
  let pauseMs = firstPauseMs;
  for (;;) {
    const began = performance.now();
    await untilEnded(server, signal);
    if (signal.aborted) return;
    if (performance.now() - began > longestPauseMs) pauseMs = firstPauseMs;
    logger?.error({ pauseMs }, 'Redis has ended; starting it again');
    // The rejection only says that it is over.
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    await bringUp(server, signal).catch((error: unknown) => logger?.error({ err: error }, 'Redis cannot be started'));
  }
}

/** Has it refuse writes while the disk is full, and take them again once there is room. */
async function watchDisk(server: RedisServer, logger: Logger | undefined, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // While it does not answer nothing can be told; when it is started again it finds out by itself.
    const hasChanged = await adjustToDisk(server).catch(() => false);
    if (hasChanged) logger?.warn({ takesWrites: server.takesWrites }, 'Redis was told whether its disk has room');
    // The rejection only says that it is over.
    await delay(diskEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The memory of the machine, or of the control group that the service is in. */
function availableBytes(): number {
  const ofGroup = process.constrainedMemory();
  return ofGroup > 0 ? Math.min(ofGroup, totalmem()) : totalmem();
}
