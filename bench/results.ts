import type { EightResult } from './eight.ts';
import type { IdleResult } from './idle.ts';
import type { Measured } from './interleaved.ts';
import type { MachineFacts } from './machine.ts';
import type { Kind } from './start.ts';
import { median, type Ratio, ratio, type Spread, spread } from './statistics.ts';

interface KindResult {
  readonly letter: string;
  readonly name: string;
  readonly ms: Spread;
  readonly cpuSeconds: Spread;
  /** Medians, by process. */
  readonly cpuSecondsOf: Readonly<Record<string, number>>;
  /** Medians, in milliseconds. */
  readonly parts: Readonly<Record<string, number>>;
  readonly raw: readonly Measured[];
}

export interface Target {
  readonly name: string;
  readonly measured: number;
  readonly atMost: number;
  readonly isMet: boolean;
}

/** The content of the JSON file. */
export interface Results {
  readonly at: string;
  readonly machine: MachineFacts;
  readonly serviceStartMs: number;
  readonly kinds: readonly KindResult[];
  readonly ratios: Readonly<Record<string, Ratio>>;
  readonly eight: EightResult | null;
  readonly idle: IdleResult | null;
  readonly targets: readonly Target[];
}

const limits: Readonly<Record<string, number>> = { 'A/C': 1.15, 'A/B': 0.65, 'D/B': 0.85 };
const eightLimit = 1.3;
const idleLimits = { rssMb: 250, cpuPercent: 1 };

export function summarize(measured: ReadonlyMap<Kind, Measured[]>): Pick<Results, 'kinds' | 'ratios'> {
  const kinds = [...measured].map(([{ letter, name }, raw]) => ({
    letter,
    name,
    ms: spread(raw.map(({ ms }) => ms)),
    cpuSeconds: spread(raw.map(({ cpuSeconds }) => Object.values(cpuSeconds).reduce((sum, one) => sum + one, 0))),
    cpuSecondsOf: medians(raw.map(({ cpuSeconds }) => cpuSeconds)),
    parts: medians(raw.map(({ parts }) => parts)),
    raw,
  }));
  const times = (letter: string | undefined) =>
    kinds.find((kind) => kind.letter === letter)?.raw.map(({ ms }) => ms) ?? [];
  const ratios: Record<string, Ratio> = {};
  for (const name of [...Object.keys(limits), 'C/B', 'A/S', 'D/C']) {
    const [of, to] = name.split('/').map(times);
    if (of?.length && to?.length) ratios[name] = ratio(of, to);
  }
  return { kinds, ratios };
}

export function judge({ ratios, eight, idle }: Pick<Results, 'ratios' | 'eight' | 'idle'>): Target[] {
  const targets: Target[] = [];
  const check = (name: string, measured: number, atMost: number) =>
    targets.push({ name, measured, atMost, isMet: measured <= atMost });
  for (const [name, atMost] of Object.entries(limits)) {
    const found = ratios[name];
    if (found) check(`${name}, of medians`, found.ofMedians, atMost);
  }
  if (eight) check('eight at once, of medians', ratio(eight.restMs, eight.byHandMs).ofMedians, eightLimit);
  if (idle) {
    const memory = Object.values(idle.memoryWithSandboxes).reduce((sum, { rssMb }) => sum + rssMb, 0);
    check(`service and Redis, MB RSS with ${idle.sandboxes}`, memory, idleLimits.rssMb);
    const cpu = (idle.cpuPercent.service ?? 0) + (idle.cpuPercent.redis ?? 0);
    check(`service and Redis, % of a core with ${idle.sandboxes}`, cpu, idleLimits.cpuPercent);
  }
  return targets;
}

/** The median of each name over all rows. */
function medians(rows: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rows.map((row) => row[name] ?? Number.NaN))]));
}
