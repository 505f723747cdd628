import { randomInt } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { findPort } from '../redis/calls/leases.ts';
import type { RedisKeys } from '../redis/keys.ts';

export type PortLeases = ReturnType<typeof createPortLeases>;

interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** The ports of hosts: a sandbox leases the one that its record names. */
export function createPortLeases(options: {
  redis: Redis;
  keys: RedisKeys;
  range: PortRange;
  isFree: (port: number) => Promise<boolean>;
}) {
  const { redis, keys, range, isFree } = options;

  /** Finds a port that no sandbox leases and no stranger listens on. Throws `ports_exhausted`. */
  async function find(host: string): Promise<number> {
    const size = range.last - range.first + 1;
    const portAt = (offset: number) => range.first + (offset % size);
    // A random place to begin: a port just given back is not handed to another at once.
    const start = randomInt(size);
    let seen = 0;
    while (seen < size) {
      const beginAt = portAt(start + seen);
      const port = await findPort(redis, { keys: { ports: keys.ports(host) }, ...range, beginAt, most: size - seen });
      if (port === null) break;
      if (await isFree(port)) return port;
      seen += ((port - beginAt + size) % size) + 1;
    }
    throw new AppError(
      'ports_exhausted',
      `No port of ${range.first}-${range.last} is free on ${host}. Delete sandboxes or widen SANDPLANE_PORT_RANGE.`,
      { retryAfterSeconds: 30 },
    );
  }

  return { find };
}
