/** The golden ratio: its multiples, without their whole part, fill the range from 0 to 1 evenly and in no order. */
const step = (Math.sqrt(5) - 1) / 2;

/** When in a round to kill, in ms: spread over the range however few rounds there are, and the same for the same seed. */
export function momentOf(seed: number, round: number, longestMs: number): number {
  return Math.round((((seed + round) * step) % 1) * longestMs);
}
