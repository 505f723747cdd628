import { setTimeout as delay } from 'node:timers/promises';
import type { Hit } from './machine.ts';
import type { Problem } from './model.ts';
import { isTold, type Program } from './program.ts';
import type { Kept } from './service.ts';

const saidWithinMs = 60_000;
/** That of the machine comes from a full disk. */
const refusal = /^(Sandplane is running already|The machine refused)/m;

/**
 * Somebody starts the service once more, on the same data folder, while it is up: the second ends with a sentence. Where the
 * first has ended by itself meanwhile, it may take over.
 */
export async function strikeSecond(
  start: () => Program,
  service: Kept,
  found: (problem: Problem) => void,
): Promise<Hit | null> {
  if (!service.isUp()) return null;
  const first = service.pid();
  const second = start();
  const overdue = new AbortController();
  const end = await Promise.race([
    second.ended,
    second.up.then(() => 'it is up' as const),
    delay(saidWithinMs, 'it neither ends nor comes up' as const, { signal: overdue.signal }),
  ]);
  overdue.abort();
  const isFirstUp = service.isUp() && service.pid() === first;
  const what = 'started a second service';
  if (typeof end !== 'string') {
    const [code, signal] = end;
    if (!isTold(code, second.output()) || (isFirstUp && !refusal.test(second.output())))
      found({ kind: 'lost', what: `a second service, which ended with ${signal ?? code}:\n${second.output()}` });
    return { what: `${what}: ${second.output().trim().split('\n').at(-1)}` };
  }
  await second.stop();
  if (isFirstUp || end !== 'it is up')
    found({ kind: isFirstUp ? 'twice' : 'lost', what: `a second service: ${end}:\n${second.output()}` });
  return { what: `${what}, which took over from one that had ended` };
}
