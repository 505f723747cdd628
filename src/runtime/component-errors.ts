import { AppError } from '../errors.ts';

/** How long a component may take until it accepts connections. */
export const acceptTimeoutMs = 30_000;

/** `exitCode`: null when it is not known. */
export function componentExited(component: string, exitCode: number | null, logTail: readonly string[]): AppError {
  const code = exitCode === null ? '' : ` with code ${exitCode}`;
  return new AppError('component_exited', `${component} exited${code}.`, { component, logTail });
}

export function notAccepting(component: string, logTail: readonly string[]): AppError {
  const message = `${component} did not accept connections within ${acceptTimeoutMs / 1000} s.`;
  return new AppError('component_timeout', message, { component, logTail });
}

export function portTaken(port: number | null, cause?: unknown): AppError {
  return new AppError('port_taken', `Port ${port} is taken by another program.`, { cause });
}

export function noLogYet(): AppError {
  return new AppError('logs_unavailable', 'This component has not written a log yet.');
}
