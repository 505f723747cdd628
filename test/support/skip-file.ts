import type { TAP } from 'tap';

/** Skips a whole test file, before its first test. */
export function skipFile(t: TAP, reason: string): never {
  t.plan(0, reason);
  process.exit();
}
