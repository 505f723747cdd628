export type Random = ReturnType<typeof createRandom>;

/** The same draws for the same seed: the generator mulberry32 (Tommy Ettinger, public domain). */
export function createRandom(seed: number) {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    /** An integer, both ends included. */
    between,
    pick: <T>(items: readonly T[]): T | undefined => items[between(0, items.length - 1)],
    /** One of these, by how often each is to come. */
    weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T {
      const sum = items.reduce((total, [weight]) => total + weight, 0);
      let left = next() * sum;
      for (const [weight, item] of items) {
        left -= weight;
        if (left < 0) return item;
      }
      throw new Error('nothing to draw from');
    },
  };
}
