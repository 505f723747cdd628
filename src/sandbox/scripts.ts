import type { Redis, Result } from 'ioredis';
import { leaseScripts } from '../reconcile/lease-scripts.ts';
import { laneScripts } from './lane-scripts.ts';
import { recordScripts } from './record-scripts.ts';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    spCreate(...args: string[]): Result<(string | number)[], Context>;
    spSwap(...args: string[]): Result<number, Context>;
    spRemove(...args: string[]): Result<number, Context>;
    spRead(...args: string[]): Result<[resource: string, version: string] | null, Context>;
    spEnqueue(...args: string[]): Result<number, Context>;
    spGrant(...args: string[]): Result<string[], Context>;
    spClaim(...args: string[]): Result<string[], Context>;
    spNotInLane(numberOfKeys: number, ...args: string[]): Result<string[], Context>;
    spLeasePort(...args: string[]): Result<number, Context>;
    spReleasePort(...args: string[]): Result<number, Context>;
    spHoldLease(...args: string[]): Result<number, Context>;
  }
}

/** Teaches a connection the scripts: what has to be atomic. Call once for each connection. */
export function defineScripts(redis: Redis): Redis {
  const scripts = { ...recordScripts, ...laneScripts, ...leaseScripts };
  for (const [name, script] of Object.entries(scripts)) redis.defineCommand(name, script);
  return redis;
}
