import { AppError, isAppError } from '../errors.ts';
import type { Changes } from '../redis/changes.ts';
import type { Phase, Sandbox } from '../schemas/sandbox.ts';
import { notFound } from './find.ts';
import { canReach } from './phase.ts';
import type { Store } from './store.ts';

/** Waits for a phase. Throws `wait_timeout`, `not_found`, and `phase_unreachable` as soon as the phase cannot come any more. */
export function createWait({ store, changes }: { store: Store; changes: Changes }) {
  return async function wait(
    project: string,
    id: string,
    goal: Phase,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Sandbox> {
    const listener = changes.listen(id);
    const deadline = performance.now() + timeoutMs;
    try {
      for (;;) {
        const found = await store.read(project, id);
        if (isAppError(signal.reason)) throw signal.reason;
        if (!found) {
          const last = goal === 'deleted' ? await store.readDeleted(project, id) : null;
          if (last) return last.sandbox;
          throw notFound(id);
        }
        const { phase } = found.status;
        if (phase === goal) return found;
        if (!canReach(phase, goal)) throw unreachable(found, goal);
        const left = deadline - performance.now();
        if (left <= 0 || signal.aborted) {
          throw new AppError('wait_timeout', `${id} is ${phase}, not ${goal}, after ${timeoutMs / 1000} s.`);
        }
        await listener.next(left, signal);
      }
    } finally {
      listener.close();
    }
  };
}

function unreachable(sandbox: Sandbox, goal: Phase): AppError {
  const { failure, phase } = sandbox.status;
  const why = failure ? ` ${failure.message}` : '';
  return new AppError('phase_unreachable', `${sandbox.id} is ${phase} and will not become ${goal}.${why}`);
}
