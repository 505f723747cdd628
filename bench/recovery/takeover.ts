import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { progress } from '../progress.ts';
import type { HostName, Hosts } from './hosts.ts';
import { insist, insistOnCreate, insistOnDelete, untilReady } from './insist.ts';
import { inTurn, type Pair } from './pair.ts';
import { untilFound } from './until-found.ts';

/** More than the two hosts begin at once: two start, two wait. */
const creates = 4;
const lookEveryMs = 20;

/**
 * Four creates over two hosts. As soon as one of them is being started, the worker that does so is killed and not started
 * again: the time until the other has all four ready, without anything that was ready where it died.
 */
export async function measureTakeover(hosts: Hosts, rounds: number): Promise<Pair> {
  const round = async (kill: boolean): Promise<number> => {
    const ids = await Promise.all(Array.from({ length: creates }, () => insistOnCreate(hosts.client)));
    const holder = await firstHolder(hosts, ids);
    const began = performance.now();
    if (kill) await hosts.kill(holder);
    await Promise.all(ids.map((id) => untilReady(hosts.client, id)));
    const ms = performance.now() - began;
    const found = await Promise.all(ids.map((id) => read(hosts, id)));
    if (kill) throwUnlessElsewhere(found, holder);
    progress(`${kill ? `${holder} killed` : 'not killed'}: ${creates} ready after ${(ms / 1000).toFixed(2)} s`);
    if (kill) await hosts.start(holder);
    await Promise.all(ids.map((id) => insistOnDelete(hosts.client, id)));
    return ms;
  };
  return await inTurn(rounds, { recovery: () => round(true), baseline: () => round(false) });
}

/** The host that was the first to begin a start. */
async function firstHolder(hosts: Hosts, ids: readonly string[]): Promise<HostName> {
  const look = async () => {
    for (const id of ids) {
      const { phase, host } = (await read(hosts, id)).status;
      if (phase === 'provisioning' && host !== null) return host as HostName;
    }
    return null;
  };
  const describe = () => `one of ${ids.join(', ')} is being started`;
  return await untilFound(look, { signal: hosts.client.signal, everyMs: lookEveryMs, describe });
}

async function read(hosts: Hosts, id: string): Promise<Sandbox> {
  return (await (await insist(hosts.client, 'GET', `/v1/sandboxes/${id}`)).json()) as Sandbox;
}

function throwUnlessElsewhere(found: readonly Sandbox[], holder: HostName): void {
  const left = found.find(({ status }) => status.host === holder);
  if (left) throw new Error(`${left.id} is ${left.status.phase} on ${holder}, which was killed`);
}
