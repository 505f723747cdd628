import { setTimeout as delay } from 'node:timers/promises';

const limitMs = 120_000;

/** Waits until the condition holds. Throws after two minutes with what `describe` returns then. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  describe: () => unknown = () => condition.toString(),
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs / 1000} s: ${JSON.stringify(describe())}`);
    await delay(20);
  }
}
