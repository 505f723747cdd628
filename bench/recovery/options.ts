import { parseArgs } from 'node:util';

const parts = ['restart', 'takeover', 'redis', 'disk'] as const;
type Part = (typeof parts)[number];

export interface Options {
  readonly only: ReadonlySet<Part>;
  /** How often the service is killed and started again. */
  readonly n: number;
  /** How often each of the others is done. */
  readonly few: number;
  /** Which moments of the work are hit. */
  readonly seed: number;
}

const usage = `npm run bench:recovery -- [--only=${parts.join(',')}] [--n=25] [--few=8] [--seed=1]`;

/** Reads the command line. Throws with the usage in the message. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: parts.join(',') },
      n: { type: 'string', default: '25' },
      few: { type: 'string', default: '8' },
      seed: { type: 'string', default: '1' },
    },
  });
  return {
    only: new Set(values.only.split(',').map(toPart)),
    n: toCount('--n', values.n),
    few: toCount('--few', values.few),
    seed: toCount('--seed', values.seed),
  };
}

function toPart(name: string): Part {
  const part = parts.find((one) => one === name);
  if (!part) throw new Error(`--only: ${name} is none of ${parts.join(', ')}\n${usage}`);
  return part;
}

function toCount(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1000) throw new Error(`${name} must be 1 to 1000\n${usage}`);
  return count;
}
