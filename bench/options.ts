import { parseArgs } from 'node:util';

const parts = ['process', 'docker', 'eight', 'idle'] as const;
type Part = (typeof parts)[number];

export interface Options {
  /** How many starts of each kind are counted. */
  readonly n: number;
  readonly only: ReadonlySet<Part>;
  /** Whether the run fails when no Docker daemon answers; else Docker is left out then. */
  readonly dockerRequired: boolean;
  /** How often eight are started at once, each way. */
  readonly eightRounds: number;
  /** How long the CPU of an idle service is watched. */
  readonly idleSeconds: number;
}

const usage = `npm run bench -- [--n=5] [--only=process,docker,eight,idle] [--docker] [--eight-rounds=3] [--idle-seconds=30]`;

/** Reads the command line. Throws with the usage in the message. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      n: { type: 'string', default: '5' },
      only: { type: 'string', default: parts.join(',') },
      docker: { type: 'boolean', default: false },
      'eight-rounds': { type: 'string', default: '3' },
      'idle-seconds': { type: 'string', default: '30' },
    },
  });
  const only = toParts(values.only, parts, usage);
  if (values.docker) only.add('docker');
  return {
    n: toCount('--n', values.n),
    only,
    dockerRequired: values.docker || values.only === 'docker',
    eightRounds: toCount('--eight-rounds', values['eight-rounds']),
    idleSeconds: toCount('--idle-seconds', values['idle-seconds']),
  };
}

/** Reads `--only`. Throws with the usage in the message. */
export function toParts<Name extends string>(text: string, allowed: readonly Name[], usage: string): Set<Name> {
  const toPart = (name: string): Name => {
    const part = allowed.find((one) => one === name);
    if (!part) throw new Error(`--only: ${name} is none of ${allowed.join(', ')}\n${usage}`);
    return part;
  };
  return new Set(text.split(',').map(toPart));
}

/** Throws with the usage in the message. */
export function toCount(name: string, text: string, allowed = { usage, least: 1, most: 1000 }): number {
  const { least, most } = allowed;
  const count = Number(text);
  if (Number.isInteger(count) && count >= least && count <= most) return count;
  throw new Error(`${name} must be ${least} to ${most}\n${allowed.usage}`);
}
