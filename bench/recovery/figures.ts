import { printFigure } from '../figure.ts';
import { median, tail } from '../statistics.ts';
import type { Pair } from './pair.ts';

/** The longest that each may take, in seconds. */
export const wantedSeconds = { restart: 10, takeover: 45, redis: 5, disk: 30 } as const;

/** Prints median and tail, in seconds, beside those without the fault. */
export function printPair(text: string, { recovery, baseline }: Pair, wanted?: number): void {
  const highest = tail(recovery);
  printFigure(`${text}, median`, median(recovery) / 1000, 'for comparison');
  printFigure(`  ${highest.name}`, highest.value / 1000, wanted === undefined ? 'for comparison' : `<= ${wanted}`);
  if (baseline.length === 0) return;
  const usual = tail(baseline);
  printFigure('  without the fault, median', median(baseline) / 1000, 'for comparison');
  printFigure(`  without the fault, ${usual.name}`, usual.value / 1000, 'for comparison');
}
