import { AppError } from '../errors.ts';

/** How long a component may take until it accepts connections. */
export const acceptTimeoutMs = 30_000;

/** How a component ended: the code is null when it is not known. */
export interface Exit {
  readonly exitCode: number | null;
  readonly isOutOfMemory?: boolean;
}

export function componentExited(component: string, exit: Exit, logTail: readonly string[]): AppError {
  const { exitCode, isOutOfMemory } = exit;
  if (isOutOfMemory) {
    const message = `${component} needed more memory than it may have, and was killed (OOMKilled).`;
    return new AppError('component_out_of_memory', message, { component, logTail });
  }
  const code = exitCode === null ? '' : ` with code ${exitCode}`;
  return new AppError('component_exited', `${component} exited${code}.`, { component, logTail });
}

export function notAccepting(component: string, logTail: readonly string[]): AppError {
  const message = `${component} did not accept connections within ${acceptTimeoutMs / 1000} s.`;
  return new AppError('component_timeout', message, { component, logTail });
}

/** `where` begins a sentence: what there should be and is not. */
export function dataLost(where: string): AppError {
  const message = `${where}. What was in this sandbox cannot be brought back: delete it.`;
  return new AppError('data_lost', message, { component: 'etcd' });
}

export function portTaken(port: number | null, cause?: unknown): AppError {
  return new AppError('port_taken', `Port ${port} is taken by another program.`, { cause });
}

export function noLogYet(): AppError {
  return new AppError('logs_unavailable', 'This component has not written a log yet.');
}
