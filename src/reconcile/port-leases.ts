import { randomInt } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisKeys } from '../redis/keys.ts';

export type PortLeases = ReturnType<typeof createPortLeases>;

interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Exclusive ports of a host, each with its sandbox as the owner. */
export function createPortLeases(options: {
  redis: Redis;
  keys: RedisKeys;
  range: PortRange;
  isFree: (port: number) => Promise<boolean>;
}) {
  const { redis, keys, range, isFree } = options;

  async function release(host: string, id: string, port: number): Promise<void> {
    await redis.spReleasePort(keys.ports(host), id, String(port));
  }

  /** Leases a port that no other sandbox has and no stranger listens on. Throws `ports_exhausted`. */
  async function lease(host: string, id: string): Promise<number> {
    const size = range.last - range.first + 1;
    // A random place to begin: a port just given back is not handed to another at once.
    let at = range.first + randomInt(size);
    for (let tries = 0; tries < size; tries += 1) {
      const bounds = [String(range.first), String(range.last), String(at)];
      const port = await redis.spLeasePort(keys.ports(host), id, ...bounds);
      if (port === 0) break;
      if (await isFree(port)) return port;
      await release(host, id, port);
      at = port === range.last ? range.first : port + 1;
    }
    throw new AppError(
      'ports_exhausted',
      `No port of ${range.first}-${range.last} is free on ${host}. Delete sandboxes or widen SANDPLANE_PORT_RANGE.`,
      { retryAfterSeconds: 30 },
    );
  }

  return { lease, release };
}
