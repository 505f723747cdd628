import type { Redis } from 'ioredis';
import { scriptArguments } from '../scripts.ts';

/** scripts/lease-port.lua: null when none is free. */
export async function leasePort(
  redis: Redis,
  given: { keys: { ports: string }; id: string; first: number; last: number; beginAt: number },
): Promise<number | null> {
  const { keys, id, first, last, beginAt } = given;
  const port = await redis.leasePort(...scriptArguments([keys.ports], [id, first, last, beginAt]));
  return port === 0 ? null : port;
}

/** scripts/release-port.lua */
export async function releasePort(
  redis: Redis,
  { keys, id, port }: { keys: { ports: string }; id: string; port: number },
): Promise<void> {
  await redis.releasePort(...scriptArguments([keys.ports], [id, port]));
}

/** scripts/take-host-lease.lua: false when it is another's. */
export async function takeHostLease(
  redis: Redis,
  { keys, holder, ttlMs }: { keys: { lease: string }; holder: string; ttlMs: number },
): Promise<boolean> {
  return (await redis.takeHostLease(...scriptArguments([keys.lease], [holder, ttlMs]))) === 1;
}
