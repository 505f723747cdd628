/** The times in ms of each round, with the fault and without. */
export interface Pair {
  readonly recovery: readonly number[];
  readonly baseline: readonly number[];
}

type Round = (number: number) => Promise<number>;

/** Both in each round, in changing order: a machine that changes its speed treats them alike. */
export async function inTurn(rounds: number, kinds: Readonly<Record<'recovery' | 'baseline', Round>>): Promise<Pair> {
  const pair = { recovery: [] as number[], baseline: [] as number[] };
  const order = ['recovery', 'baseline'] as const;
  for (let number = 1; number <= rounds; number += 1) {
    for (const kind of number % 2 === 0 ? order : order.toReversed()) pair[kind].push(await kinds[kind](number));
  }
  return pair;
}
