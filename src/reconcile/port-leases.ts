import { randomInt } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { leasePort, releasePort } from '../redis/calls/leases.ts';
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
    await releasePort(redis, { keys: { ports: keys.ports(host) }, id, port });
  }

  /** Leases a port that no other sandbox has and no stranger listens on. Throws `ports_exhausted`. */
  async function lease(host: string, id: string): Promise<number> {
    const size = range.last - range.first + 1;
    // A random place to begin: a port just given back is not handed to another at once.
    let beginAt = range.first + randomInt(size);
    for (let tries = 0; tries < size; tries += 1) {
      const port = await leasePort(redis, { keys: { ports: keys.ports(host) }, id, ...range, beginAt });
      if (port === null) break;
      if (await isFree(port)) return port;
      await release(host, id, port);
      beginAt = port === range.last ? range.first : port + 1;
    }
    throw new AppError(
      'ports_exhausted',
      `No port of ${range.first}-${range.last} is free on ${host}. Delete sandboxes or widen SANDPLANE_PORT_RANGE.`,
      { retryAfterSeconds: 30 },
    );
  }

  return { lease, release };
}
