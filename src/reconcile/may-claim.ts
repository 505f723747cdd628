import type { SandboxRecord } from '../sandbox/record.ts';
import type { WorkerContext } from './worker-context.ts';

/**
 * Whether this host may claim a sandbox: one that it has already, that no host has, or that never became ready and whose host
 * no worker serves any more. What that host had made of it is removed by its own sweep when it returns. `later`: its host
 * lives, and is at it. `full`: the disk of this host has no room. The claim itself is up to the caller, who compares and swaps.
 */
export async function mayClaim(
  context: WorkerContext,
  record: SandboxRecord,
): Promise<'now' | 'later' | 'full' | 'never'> {
  const { host: owner } = record.sandbox.status;
  const isFree = owner === null || owner === context.host;
  if (!isFree && record.wasReady) return 'never';
  if (!isFree && (await context.isServed(owner))) return 'later';
  return (await context.disk.hasRoom(record)) ? 'now' : 'full';
}
