import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { redisAnswers } from '../redis/answers.ts';
import { diskOf } from '../runtime/disk.ts';
import { commandOf, findProcesses, type ProcessFacts } from '../runtime/process-identity.ts';

const startTimeoutMs = 15_000;
const stopTimeoutMs = 5000;
const answerTimeoutMs = 2000;
/** More than it writes between two looks at the disk, and than the 16 MiB that ext4 keeps even from root. */
const writableMiB = 24;

/** A redis-server on this machine: where it has its data, the socket that it answers at, and the memory it may take. */
export interface RedisServer {
  readonly dir: string;
  readonly socket: string;
  readonly memoryBytes: number;
  /** What it was told last: whether it may write, or is to refuse writes. Null: nothing yet. */
  takesWrites: boolean | null;
}

/** Resolves when it answers, or when `signal` aborts. One that runs already is left as it is: two would damage the data. */
export async function bringUp(server: RedisServer, signal: AbortSignal): Promise<void> {
  const { dir, socket } = server;
  const deadline = performance.now() + startTimeoutMs;
  let started: { ended: Promise<Error> } | undefined;
  while (!signal.aborted && !(await answers(socket))) {
    if (!started && !(await isRunning(socket))) started = await launch(server);
    const error = await Promise.race([started?.ended ?? delay(10), delay(10)]);
    if (error) throw missingOrBroken(error);
    if (performance.now() > deadline) throw new Error(`redis-server did not answer; see ${dir}/redis.log`);
  }
}

/** Starts it. `ended` resolves once it has ended, or could not be started. */
async function launch(server: RedisServer): Promise<{ ended: Promise<Error> }> {
  const { dir, socket, memoryBytes } = server;
  server.takesWrites = await hasRoom(dir);
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir,
    appendonly: 'yes',
    ...writeSettings(server.takesWrites),
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
  const log = await open(path.join(dir, 'redis.log'), 'a', 0o600);
  try {
    // In a session of its own: Ctrl-C is for the service, which stops Redis last.
    const child = spawn('redis-server', args, { cwd: dir, detached: true, stdio: ['ignore', log.fd, log.fd] });
    child.unref();
    const ended = new Promise<Error>((resolve) => {
      child.once('error', resolve);
      child.once('exit', (code) => resolve(new Error(`redis-server exited with code ${code}; see ${dir}/redis.log`)));
    });
    return { ended };
  } finally {
    await log.close();
  }
}

/**
 * What it cannot write, because the disk is full, it cannot take back either: with `always` it then exits. So without room
 * it is to refuse writes, which it does as if it lacked replicas, and goes on answering reads.
 */
function writeSettings(takesWrites: boolean): Readonly<Record<string, string>> {
  // In this order, so that each write is on the disk before it is acknowledged.
  return takesWrites
    ? { appendfsync: 'always', 'min-replicas-to-write': '0' }
    : { 'min-replicas-to-write': '1', appendfsync: 'everysec' };
}

async function hasRoom(dir: string): Promise<boolean> {
  return (await diskOf(dir)).freeForUsMiB >= writableMiB;
}

/** Tells it whether it may write, if that has changed. Returns whether it has. Rejects when it does not answer. */
export async function adjustToDisk(server: RedisServer): Promise<boolean> {
  const takesWrites = await hasRoom(server.dir);
  if (takesWrites === server.takesWrites) return false;
  await withClient(server.socket, async (redis) => {
    for (const [name, value] of Object.entries(writeSettings(takesWrites))) await redis.config('SET', name, value);
  });
  server.takesWrites = takesWrites;
  return true;
}

function missingOrBroken(error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  const command = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install redis-server';
  return new AppError('missing_tool', `redis-server is missing. Type: ${command}   (or set REDIS_URL)`, {
    cause: error,
  });
}

/** Resolves when the server has ended, which closes its connections, or when `signal` aborts. */
export async function untilEnded({ socket }: RedisServer, signal: AbortSignal): Promise<void> {
  const connection = connect(socket).resume().unref();
  // One that cannot be opened, and the signal, are ends as well.
  await once(connection, 'close', { signal }).catch(() => undefined);
  connection.destroy();
}

/** Resolves when it has ended, with everything on disk, or does not end. */
export async function shutDown({ socket }: Pick<RedisServer, 'socket'>): Promise<void> {
  const deadline = performance.now() + stopTimeoutMs;
  // Again where it has just been started and does not listen yet. The error says nothing: a server that shuts down closes
  // the connection instead of answering.
  while ((await isRunning(socket)) && performance.now() < deadline) {
    await withClient(socket, (redis) => redis.shutdown('NOSAVE')).catch(() => delay(25));
  }
}

/** The process of the server that answers at this socket, or null. One that loads its data, or stands still, is found too. */
export async function findRedisServer(socket: string): Promise<ProcessFacts | null> {
  return (await findProcesses(socket)).find(({ commandLine }) => commandOf(commandLine) === 'redis-server') ?? null;
}

async function isRunning(socket: string): Promise<boolean> {
  return (await findRedisServer(socket)) !== null;
}

/** False for whatever reason: the caller asks again until its deadline. */
async function answers(socket: string): Promise<boolean> {
  return await withClient(socket, (redis) => redisAnswers(redis, answerTimeoutMs)).catch(() => false);
}

/** The connection is ready once it is open: a server that loads its data is told to shut down as well. */
export async function withClient<Result>(socket: string, use: (redis: Redis) => Promise<Result>): Promise<Result> {
  const redis = new Redis(socket, {
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    commandTimeout: answerTimeoutMs,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
