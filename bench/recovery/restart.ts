import { setTimeout as delay } from 'node:timers/promises';
import { progress } from '../progress.ts';
import { insistOnCreate, insistOnDelete, untilReady } from './insist.ts';
import type { Killable } from './killable.ts';
import { momentOf } from './moments.ts';
import { inTurn, type Pair } from './pair.ts';

const longestMs = 1500;

export interface RestartResult {
  /** From the moment of the kill until all is finished. */
  readonly finished: Pair;
  /** From the kill until the service listens again, each round. */
  readonly upMs: readonly number[];
}

/**
 * Two creates and a deletion at once, and in the middle of them the service is killed and started again: the time from the
 * kill until all three are finished, seconds of its start included. In the rounds that these are compared with nothing is
 * killed, and the time counts from the moment at which the kill would have been.
 */
export async function measureRestart(service: Killable, rounds: number, seed: number): Promise<RestartResult> {
  const upMs: number[] = [];
  let [doomed, spare] = await Promise.all([createReady(service), createReady(service)]);
  const round = async (kill: boolean, number: number): Promise<number> => {
    const work = Promise.all([createReady(service), createReady(service), insistOnDelete(service, doomed)]).then(
      ([first, second]) => ({ made: [first, second] as const, endedAt: performance.now() }),
    );
    const momentMs = momentOf(seed, number, longestMs);
    const failed = failureOf(work);
    await Promise.race([delay(momentMs, undefined, { signal: service.signal }), failed]);
    const began = performance.now();
    if (kill) upMs.push(await Promise.race([service.restart(), failed]));
    const { made, endedAt } = await work;
    await insistOnDelete(service, spare);
    [doomed, spare] = made;
    // All may be finished by then.
    const ms = Math.max(0, endedAt - began);
    progress(`${kill ? 'killed' : 'not killed'} after ${momentMs} ms: finished ${(ms / 1000).toFixed(2)} s later`);
    return ms;
  };
  const finished = await inTurn(rounds, {
    recovery: (number) => round(true, number),
    baseline: (number) => round(false, number),
  });
  await Promise.all([insistOnDelete(service, doomed), insistOnDelete(service, spare)]);
  return { finished, upMs };
}

async function createReady(service: Killable): Promise<string> {
  const id = await insistOnCreate(service);
  await untilReady(service, id);
  return id;
}

/** Only rejects: a round whose work has failed need not wait for anything else. */
async function failureOf(work: Promise<unknown>): Promise<never> {
  await work;
  return await new Promise(() => undefined);
}
