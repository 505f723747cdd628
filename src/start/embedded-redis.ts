import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisAddress } from '../redis/connection.ts';

const startTimeoutMs = 15_000;

export interface EmbeddedRedis {
  readonly address: RedisAddress;
  /** Resolves when it has ended, with everything on disk. */
  stop(): Promise<void>;
}

/**
 * A redis-server of our own, with its data in `<data>/redis` and no port. One that outlived a killed service is taken
 * over. Every write is on the disk before it is acknowledged, and a full memory refuses writes instead of forgetting.
 */
export async function startEmbeddedRedis(dataDir: string, memoryMiB?: number): Promise<EmbeddedRedis> {
  const socket = socketIn(dataDir);
  const dir = path.dirname(socket);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if (socket.length > 100) {
    throw new AppError('config_invalid', `SANDPLANE_DATA_DIR is too long: ${socket} must have at most 100 characters.`);
  }
  if (!(await answers(socket))) await launch(dir, socket, memoryMiB ? memoryMiB * 1024 * 1024 : availableBytes() / 2);
  return { address: { path: socket }, stop: () => shutDown(socket) };
}

/** Ends one that runs, whoever has started it. */
export async function stopEmbeddedRedis(dataDir: string): Promise<void> {
  await shutDown(socketIn(dataDir));
}

function socketIn(dataDir: string): string {
  return path.join(dataDir, 'redis', 'redis.sock');
}

async function launch(dir: string, socket: string, memoryBytes: number): Promise<void> {
  const log = await open(path.join(dir, 'redis.log'), 'a', 0o600);
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir,
    appendonly: 'yes',
    appendfsync: 'always',
    // A full Redis refuses writes, so that it leaves the memory of the machine to the sandboxes.
    maxmemory: String(Math.floor(memoryBytes)),
    'maxmemory-policy': 'noeviction',
    save: '',
    // The log of slow commands is off: nothing here reads it.
    'latency-tracking': 'no',
    // A rewrite of the file competes with requests for the disk: a larger file is better than many rewrites.
    'auto-aof-rewrite-min-size': '512mb',
    'stop-writes-on-bgsave-error': 'no',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  // In a session of its own: Ctrl-C is for the service, which stops Redis last.
  const child = spawn('redis-server', args, { cwd: dir, detached: true, stdio: ['ignore', log.fd, log.fd] });
  const ended = new Promise<Error>((resolve) => {
    child.once('error', resolve);
    child.once('exit', (code) => resolve(new Error(`redis-server exited with code ${code}; see ${dir}/redis.log`)));
  });
  child.unref();
  try {
    const deadline = performance.now() + startTimeoutMs;
    while (!(await answers(socket))) {
      const error = await Promise.race([ended, delay(10)]);
      if (error) throw missingOrBroken(error);
      if (performance.now() > deadline) throw new Error(`redis-server did not answer; see ${dir}/redis.log`);
    }
  } finally {
    await log.close();
  }
}

function missingOrBroken(error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  const command = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install redis-server';
  return new AppError('missing_tool', `redis-server is missing. Type: ${command}   (or set REDIS_URL)`, {
    cause: error,
  });
}

/** False for whatever reason: the caller asks again until its deadline. */
async function answers(socket: string): Promise<boolean> {
  return await withClient(socket, async (redis) => (await redis.ping()) === 'PONG').catch(() => false);
}

async function shutDown(socket: string): Promise<void> {
  // Nothing is to be done: a server that shuts down closes the connection instead of answering.
  await withClient(socket, (redis) => redis.shutdown('NOSAVE')).catch(() => undefined);
  for (let tries = 0; tries < 200 && (await answers(socket)); tries += 1) await delay(25);
}

async function withClient<Result>(socket: string, use: (redis: Redis) => Promise<Result>): Promise<Result> {
  const redis = new Redis(socket, { lazyConnect: true, retryStrategy: () => null, commandTimeout: 2000 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** The memory of the machine, or of the control group that the service is in. */
function availableBytes(): number {
  const ofGroup = process.constrainedMemory();
  return ofGroup > 0 ? Math.min(ofGroup, totalmem()) : totalmem();
}
