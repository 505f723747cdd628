import type { SandboxRecord } from '../sandbox/record.ts';
import type { WorkerContext } from './worker-context.ts';

/**
 * Whether this host may claim a sandbox: one that it has already, that no host has, or that never became ready and whose host
 * no worker serves any more. What that host had made of it is removed by its own sweep when it returns. `later`: its host
 * lives, and is at it. The claim itself is up to the caller, who compares and swaps.
 */
export async function mayClaim(context: WorkerContext, record: SandboxRecord): Promise<'now' | 'later' | 'never'> {
  const { host: owner } = record.sandbox.status;
  if (owner === null || owner === context.host) return 'now';
  if (record.wasReady) return 'never';
  return (await context.isServed(owner)) ? 'later' : 'now';
}
