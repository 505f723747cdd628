import { insistOnCreate, insistOnDelete, untilReady } from './insist.ts';
import type { Killable } from './killable.ts';
import { inTurn, type Pair } from './pair.ts';

export interface Stages {
  /** Until a create was accepted. */
  readonly accepted: Pair;
  /** Until that sandbox was ready. */
  readonly ready: Pair;
}

interface Fault {
  /** The time counts from when it resolves. */
  readonly fault: () => Promise<void>;
  /** Clears up what the fault has left, once the round is over. */
  readonly after?: () => Promise<void>;
  /** Tells people of a round with the fault. */
  readonly tell: (readyMs: number) => void;
}

/** After a fault, and without it in turn, a create is asked for at once and again until it is accepted. */
export async function acceptedThenReady(
  service: Killable,
  rounds: number,
  { fault, after, tell }: Fault,
): Promise<Stages> {
  const accepted = { recovery: [] as number[], baseline: [] as number[] };
  const round = async (kind: keyof Pair): Promise<number> => {
    if (kind === 'recovery') await fault();
    const began = performance.now();
    const id = await insistOnCreate(service);
    accepted[kind].push(performance.now() - began);
    await untilReady(service, id);
    const ms = performance.now() - began;
    if (kind === 'recovery') tell(ms);
    await insistOnDelete(service, id);
    await after?.();
    return ms;
  };
  const ready = await inTurn(rounds, { recovery: () => round('recovery'), baseline: () => round('baseline') });
  return { accepted, ready };
}
