import { availableParallelism } from 'node:os';
import { progress } from './progress.ts';
import type { Kind, Start } from './start.ts';

export const atOnce = 8;

export interface EightResult {
  /** Each round: the time until the last of eight creates at once had its first write. */
  readonly restMs: number[];
  /** The same by hand, as many at a time as there are cores. */
  readonly byHandMs: number[];
}

/** Eight creates at once beside eight starts by hand, alternating. Throws when any of them fails. */
export async function measureEight(
  { rest, template }: { rest: Kind; template: Kind },
  rounds: number,
  signal: AbortSignal,
): Promise<EightResult> {
  const result: EightResult = { restMs: [], byHandMs: [] };
  for (let round = 1; round <= rounds; round += 1) {
    result.restMs.push(await startMany(rest, atOnce, signal));
    result.byHandMs.push(await startMany(template, availableParallelism(), signal));
    const [restMs = 0, byHandMs = 0] = [result.restMs.at(-1), result.byHandMs.at(-1)];
    progress(
      `eight ${round}/${rounds}  REST ${(restMs / 1000).toFixed(2)} s, by hand ${(byHandMs / 1000).toFixed(2)} s`,
    );
  }
  return result;
}

/** How long it takes to start eight, `limit` of them at a time. All run until the last one has started. */
async function startMany(kind: Kind, limit: number, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const running: Start[] = [];
  let left = atOnce;
  const startNext = async () => {
    while (left > 0) {
      left -= 1;
      running.push(await kind.start(signal));
    }
  };
  const starters = await Promise.allSettled(Array.from({ length: limit }, startNext));
  const ms = performance.now() - began;
  await Promise.all(running.map((start) => start.end()));
  const failed = starters.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failed) throw failed.reason;
  return ms;
}
