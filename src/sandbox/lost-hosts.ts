import { isHostLost, withLostHost } from './api-server-condition.ts';
import type { Hosts } from './hosts.ts';
import { phaseOf, type SandboxRecord, withStatus } from './record.ts';
import type { Store } from './store.ts';

/** A worker that is started again is back by then. */
const graceMs = 10_000;

interface LostHostOptions {
  readonly store: Store;
  readonly hosts: Hosts;
  readonly signal: AbortSignal;
}

/**
 * Whether a sandbox still works is not known when no worker serves its host, and the sandbox says so: it is degraded, and its
 * condition `ApiServerReady` unknown, or false as before where it was being restarted. The API does this, as it lives when no
 * worker may. Several at once do no harm. The host itself finds out when it is back.
 */
export function createLostHosts({ store, hosts, signal }: LostHostOptions) {
  /** Since when a host is not served, as this process has seen it. */
  const unserved = new Map<string, { readonly since: Date; readonly seenAt: number; isTold: boolean }>();

  async function tellOf(host: string): Promise<void> {
    if (await hosts.isServed(host)) {
      unserved.delete(host);
      return;
    }
    const seen = unserved.get(host) ?? { since: new Date(), seenAt: performance.now(), isTold: false };
    unserved.set(host, seen);
    if (seen.isTold || performance.now() - seen.seenAt < graceMs) return;
    await tellSandboxesOf(host, seen.since);
    // None of its sandboxes becomes ready while no worker serves it.
    seen.isTold = true;
  }

  async function tellSandboxesOf(host: string, since: Date): Promise<void> {
    const message = `no worker serves the host ${host}, at least since ${since.toISOString()}`;
    const why = { type: 'degraded', reason: 'HostLost', message } as const;
    for await (const ids of store.idsOfHost(host)) {
      for (const id of ids) {
        if (signal.aborted) return;
        await store.update(id, (record) => toLost(record, host, message), { why });
      }
    }
  }

  return async function tellLostHosts(): Promise<void> {
    try {
      // A worker can show that it lives only while the store takes writes: the time before that says nothing of it.
      await hosts.throwIfRefusesWrites();
      for (const host of await hosts.known()) await tellOf(host);
    } catch (error) {
      unserved.clear();
      throw error;
    }
  };
}

function toLost(record: SandboxRecord, host: string, message: string): SandboxRecord | null {
  const isHere = record.sandbox.status.host === host;
  if (!isHere || isHostLost(record) || !['ready', 'degraded'].includes(phaseOf(record))) return null;
  return withLostHost(withStatus(record, { phase: 'degraded' }), message);
}
