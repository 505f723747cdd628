import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { takeHostLease } from '../redis/calls/leases.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { describeProcess, isAlive } from '../runtime/process-identity.ts';

const holdForMs = 10_000;
const renewEveryMs = 3000;

/**
 * One worker process serves a host name at a time. A holder that has died on this machine is replaced at once, one
 * elsewhere when its lease runs out. Throws `conflict` while another lives. `onLost` is called when the lease is gone,
 * as after this process was stopped for longer than it lasts: it must then touch nothing any more.
 */
export async function holdHostLease(options: {
  redis: Redis;
  keys: RedisKeys;
  host: string;
  /** Tells machines apart. */
  machine: string;
  onLost: () => void;
}): Promise<{ release(): Promise<void> }> {
  const { redis, keys, host, machine, onLost } = options;
  const key = keys.hostLease(host);
  const self = await describeProcess(process.pid);
  const holder = JSON.stringify({ machine, pid: process.pid, started: self?.started });
  const hold = () => takeHostLease(redis, { keys: { lease: key }, holder, ttlMs: holdForMs });

  if (!(await hold())) {
    await removeIfDead(redis, key, machine);
    if (!(await hold())) {
      const detail = `Another worker serves the host ${host}. Stop it, or set another SANDPLANE_WORKER_NAME.`;
      throw new AppError('conflict', detail);
    }
  }
  const timer = setInterval(() => {
    // An error says nothing about the lease: Redis may be away, and then nobody else can take it either.
    hold().then(
      (held) => held || onLost(),
      () => undefined,
    );
  }, renewEveryMs);
  return {
    async release() {
      clearInterval(timer);
      if ((await redis.get(key)) !== holder) return;
      // Redis may take no writes, as while its disk is full: then it runs out by itself.
      await redis.del(key).catch(() => undefined);
    },
  };
}

async function removeIfDead(redis: Redis, key: string, machine: string): Promise<void> {
  const text = await redis.get(key);
  if (!text) return;
  const holder = JSON.parse(text) as { machine: string; pid: number; started: string };
  if (holder.machine !== machine || (await isAlive(holder))) return;
  await redis.del(key);
}
