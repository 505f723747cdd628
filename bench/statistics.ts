export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export interface Spread {
  readonly n: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  return { n: values.length, median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export interface Ratio {
  /** The ratio of the two medians. */
  readonly ofMedians: number;
  /** The median of the ratios within each round: it holds although the machine changes its speed during the run. */
  readonly paired: number;
}

export function ratio(of: readonly number[], to: readonly number[]): Ratio {
  const pairs = of.map((value, round) => value / (to[round] ?? Number.NaN));
  return { ofMedians: median(of) / median(to), paired: median(pairs) };
}

/** The value that one in a hundred exceeds. There have to be a hundred at least. */
export function p99(values: Iterable<number>): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}

/** The p99, or the highest where there are fewer than a hundred values. */
export function tail(values: readonly number[]): { readonly name: string; readonly value: number } {
  const { length } = values;
  return length < 100 ? { name: `max of ${length}`, value: Math.max(...values) } : { name: 'p99', value: p99(values) };
}
