import { aligned } from '../aligned.ts';
import { grown, total } from './counts.ts';
import type { CyclesOptions } from './options.ts';
import type { State } from './state.ts';

/** The state after so many cycles. The first one, after the warm-up, is what the others are compared with. */
export interface Stage {
  readonly cycles: number;
  readonly state: State;
}

/** The state at each stage as plain text. */
export function tableOf({ runtime, n }: CyclesOptions, stages: readonly Stage[]): string {
  const head = [`${n} made and deleted (${runtime})`, ...stages.map(({ cycles }) => `after ${cycles}`), 'each'];
  const [first, last] = endsOf(stages);
  const cycles = last.cycles - first.cycles;
  const counted = Object.keys(first.state.counted).map((name) => {
    const counts = stages.map(({ state }) => total(state.counted[name] ?? new Map()));
    return [name, ...counts.map(String), ''];
  });
  const memory = Object.keys(first.state.memory).map((name) => {
    const mb = stages.map(({ state }) => state.memory[name] ?? Number.NaN);
    const kbEach =
      ((last.state.memory[name] ?? Number.NaN) - (first.state.memory[name] ?? Number.NaN)) * (1000 / cycles);
    return [`MB ${name}`, ...mb.map((one) => one.toFixed(1)), `${kbEach.toFixed(2)} kB`];
  });
  return aligned([head, ...counted, ...memory]);
}

/** What there is more of at the end than after the warm-up, a line for each. */
export function growth(stages: readonly Stage[]): string[] {
  const [first, last] = endsOf(stages);
  return Object.entries(last.state.counted).flatMap(([name, now]) => {
    const before = first.state.counted[name] ?? new Map();
    const more = total(now) - total(before);
    if (more <= 0) return [];
    const kinds = grown(before, now).map(([kind, count]) => `${kind} +${count}`);
    return [`${name} by ${more}: ${kinds.join(', ')}`];
  });
}

function endsOf(stages: readonly Stage[]): [Stage, Stage] {
  const [first, last] = [stages[0], stages.at(-1)];
  if (!first || !last) throw new Error('there is a stage');
  return [first, last];
}
