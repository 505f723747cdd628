import type { SmallDisk } from '../../test/support/small-disk.ts';
import { progress } from '../progress.ts';
import { acceptedThenReady, type Stages } from './accepted-then-ready.ts';
import { insistOnDelete } from './insist.ts';
import type { Killable } from './killable.ts';
import { untilFound } from './until-found.ts';

const pauseMs = 100;

/** The disk is filled until creates are refused, and freed: until a create is accepted, and until its sandbox is ready. */
export async function measureDisk(service: Killable, disk: SmallDisk, rounds: number): Promise<Stages> {
  const waiting: string[] = [];
  return await acceptedThenReady(service, rounds, {
    async fault() {
      // Once it is unmounted, that would fill the disk of the machine.
      service.signal.throwIfAborted();
      await disk.fill(0);
      waiting.push(...(await untilRefused(service)));
      await disk.makeRoom();
    },
    // What was accepted before the service knew has waited for room, and is none of this.
    after: async () => void (await Promise.all(waiting.splice(0).map((id) => insistOnDelete(service, id)))),
    tell: (ms) => progress(`disk freed: ready after ${(ms / 1000).toFixed(2)} s`),
  });
}

/** Returns the ids of those that were accepted until then. */
async function untilRefused(service: Killable): Promise<string[]> {
  const accepted: string[] = [];
  const create = async (signal: AbortSignal) => {
    const answer = await service.send('POST', '/v1/sandboxes', {}, {}, signal);
    const { id, code } = (await answer.json()) as { id: string; code?: string };
    if (answer.ok) accepted.push(id);
    return code === 'disk_full' ? accepted : null;
  };
  const describe = () => `a create is refused on a full disk, ${accepted.length} were accepted`;
  return await untilFound(create, { signal: service.signal, everyMs: pauseMs, describe });
}
