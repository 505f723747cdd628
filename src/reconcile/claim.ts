import { phaseOf, type SandboxRecord, withStatus } from '../sandbox/record.ts';
import type { WorkerContext } from './worker-context.ts';

export interface Claim {
  readonly record: SandboxRecord;
  /** It was this host's already: what an earlier try made of it, as its credentials, is used on. */
  readonly isOld: boolean;
}

/**
 * Takes a sandbox for this host by compare-and-swap: one that no host has, or one that never became ready and whose host no
 * worker serves any more. What that host had made of it is removed by its own sweep when it returns. Null when it is not to
 * be had: 'served' when it may be later, as its host lives.
 */
export async function claim(context: WorkerContext, record: SandboxRecord): Promise<Claim | 'served' | null> {
  const { store, host, ports } = context;
  const { id } = record.sandbox;
  const { host: owner } = record.sandbox.status;
  if (owner === host) return { record, isOld: true };
  if (owner !== null && record.wasReady) return null;
  if (owner !== null && (await context.isServed(owner))) return 'served';
  const taken = await store.update(id, (now) => {
    if (now.desired === 'deleted' || now.sandbox.status.host !== owner || phaseOf(now) === 'failed') return null;
    return withStatus({ ...now, port: null, attempts: 0, notBefore: 0 }, { host });
  });
  if (taken?.desired !== 'running' || taken.sandbox.status.host !== host) return null;
  if (owner !== null && record.port !== null) await ports.release(owner, id, record.port);
  return { record: taken, isOld: false };
}
