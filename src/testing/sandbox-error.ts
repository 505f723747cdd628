import type { Failure } from '../schemas/sandbox.ts';

interface SandboxErrorOptions {
  readonly cause?: unknown;
  readonly status?: number;
  readonly failure?: Failure;
  readonly retryAfterMs?: number;
  readonly maybeDone?: boolean;
}

/** Why there is no sandbox. `message` says what to do, and holds the last log lines when a component failed. */
export class SandboxError extends Error {
  /** One of the service (docs/errors.md), or: unreachable, not_ready_in_time, left_behind, no_key, bad_url. */
  readonly code: string;
  /** The HTTP status, if the service has answered. */
  readonly status: number | undefined;
  /** `status.failure` of the sandbox, if it failed: code, message, component, log tail. */
  readonly failure: Failure | undefined;
  readonly retryAfterMs: number | undefined;
  /** Whether the request may have had its effect although it failed. */
  readonly maybeDone: boolean;

  constructor(code: string, message: string, options: SandboxErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'SandboxError';
    this.code = code;
    this.status = options.status;
    this.failure = options.failure;
    this.retryAfterMs = options.retryAfterMs;
    this.maybeDone = options.maybeDone ?? false;
  }
}

export function hasCode(error: unknown, ...codes: readonly string[]): error is SandboxError {
  return error instanceof SandboxError && codes.includes(error.code);
}
