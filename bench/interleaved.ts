import { progress } from './progress.ts';
import type { Kind, Start } from './start.ts';

export type Measured = Pick<Start, 'ms' | 'cpuSeconds' | 'parts'>;

/**
 * Runs `n` rounds, in each of which every kind is started once, one after the other. One more round before them is not
 * counted: it fills the page cache and lets V8 compile.
 */
export async function interleaved(
  kinds: readonly Kind[],
  n: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<Kind, Measured[]>> {
  const results = new Map(kinds.map((kind) => [kind, [] as Measured[]]));
  for (let round = 0; round <= n; round += 1) {
    for (const kind of kinds) {
      const { ms, cpuSeconds, parts, end } = await kind.start(signal);
      await end();
      progress(`${round === 0 ? 'warm-up' : `${round}/${n}`}  ${kind.letter}  ${(ms / 1000).toFixed(2)} s`);
      if (round > 0) results.get(kind)?.push({ ms, cpuSeconds, parts });
    }
  }
  return results;
}
