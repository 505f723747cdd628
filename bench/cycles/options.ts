import { parseArgs } from 'node:util';
import { toCount } from '../options.ts';

const cyclesOf = { fake: 1000, process: 100 } as const;
type CyclesRuntime = keyof typeof cyclesOf;

export interface CyclesOptions {
  readonly runtime: CyclesRuntime;
  /** How many sandboxes are made and deleted. */
  readonly n: number;
}

const usage = 'npm run bench:cycles -- [--runtime=fake|process] [--n=1000, of processes 100]';

/** Reads the command line. Throws with the usage in the message. */
export function readOptions(args: readonly string[]): CyclesOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { runtime: { type: 'string', default: 'fake' }, n: { type: 'string' } },
  });
  const { runtime } = values;
  if (runtime !== 'fake' && runtime !== 'process') throw new Error(`--runtime: ${runtime} is neither\n${usage}`);
  return { runtime, n: toCount('--n', values.n ?? String(cyclesOf[runtime]), { usage, least: 10, most: 100_000 }) };
}
