import type { Changes } from '../changes.ts';
import { AppError, isAppError } from '../errors.ts';
import type { Phase, Sandbox } from '../schemas/sandbox.ts';
import { canReach } from './phase.ts';
import type { Store } from './store.ts';

/** Waits for a phase. Throws `wait_timeout`, `phase_unreachable` as soon as it is, `not_found`. */
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
    let last: Sandbox | null = null;
    try {
      for (;;) {
        const found = await store.read(project, id);
        if (!found) {
          if (last && goal === 'deleted') return deleted(last);
          throw notFound(id);
        }
        last = found;
        if (last.status.phase === goal) return last;
        if (!canReach(last.status.phase, goal)) throw unreachable(last, goal);
        if (signal.aborted && isAppError(signal.reason)) throw signal.reason;
        const left = deadline - performance.now();
        if (left <= 0 || signal.aborted) {
          throw new AppError(
            'wait_timeout',
            `${id} is ${last.status.phase}, not ${goal}, after ${timeoutMs / 1000} s.`,
          );
        }
        await listener.next(left, signal);
      }
    } finally {
      listener.close();
    }
  };
}

export function notFound(id: string): AppError {
  return new AppError('not_found', `There is no sandbox ${id}.`);
}

function deleted(last: Sandbox): Sandbox {
  return { ...last, status: { ...last.status, phase: 'deleted', endpoint: null } };
}

function unreachable(sandbox: Sandbox, goal: Phase): AppError {
  const { failure, phase } = sandbox.status;
  const why = failure ? ` ${failure.message}` : '';
  return new AppError('phase_unreachable', `${sandbox.id} is ${phase} and will not become ${goal}.${why}`);
}
