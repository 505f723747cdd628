import { parseArgs } from 'node:util';
import { toCount, toParts } from '../options.ts';

const parts = ['restart', 'takeover', 'redis', 'disk'] as const;
type Part = (typeof parts)[number];

export interface Options {
  readonly only: ReadonlySet<Part>;
  /** How often the service is killed and started again. */
  readonly n: number;
  /** How often each of the others is done. */
  readonly roundsOfOthers: number;
  /** Which moments of the work are hit. */
  readonly seed: number;
}

const usage = `npm run bench:recovery -- [--only=${parts.join(',')}] [--n=25] [--rounds-of-others=8] [--seed=1]`;

/** Reads the command line. Throws with the usage in the message. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: parts.join(',') },
      n: { type: 'string', default: '25' },
      'rounds-of-others': { type: 'string', default: '8' },
      seed: { type: 'string', default: '1' },
    },
  });
  const allowed = { usage, least: 1, most: 1000 };
  return {
    only: toParts(values.only, parts, usage),
    n: toCount('--n', values.n, allowed),
    roundsOfOthers: toCount('--rounds-of-others', values['rounds-of-others'], allowed),
    seed: toCount('--seed', values.seed, allowed),
  };
}
