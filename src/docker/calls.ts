import pTimeout from 'p-timeout';
import { AppError } from '../errors.ts';

const callTimeoutMs = 30_000;

/** For a call, or a stream, that ended without an answer of the daemon. */
export function notAnswering(cause: unknown): AppError {
  return new AppError('runtime_unavailable', `Docker does not answer: ${(cause as Error).message}`, { cause });
}

/** What docker-modem throws when the daemon answers that it does not do it. */
interface Refusal extends Error {
  readonly statusCode: number;
  readonly json?: { readonly message?: string } | null;
}

/**
 * What the daemon answered, in its own words: `runtime_unavailable`, which is tried again, when it answered 5xx, as the causes of
 * that pass, as a lock on iptables or a slow runc; else `runtime_refused`.
 */
export function inItsWords(refusal: Refusal): AppError {
  const { statusCode, json, message } = refusal;
  const words = json?.message ?? message.replace(/^\(HTTP code \d+\) .*? - /, '').trim();
  const code = statusCode < 500 ? 'runtime_refused' : 'runtime_unavailable';
  return new AppError(code, `Docker: ${words}`, { cause: refusal });
}

/**
 * A call of the Docker Engine API that ends after a time, as a promise of dockerode may never settle. Throws
 * `runtime_unavailable` when the daemon does not answer, else what it answered.
 */
export async function call<Result>(promise: Promise<Result>, timeoutMs = callTimeoutMs): Promise<Result> {
  const message = notAnswering(new Error(`nothing within ${timeoutMs / 1000} s`));
  return await pTimeout(promise, { milliseconds: timeoutMs, message });
}

/** The HTTP status of the daemon's answer, or undefined when it was none. */
export function statusOf(error: unknown): number | undefined {
  return ((error as Error).cause as Refusal | undefined)?.statusCode;
}

/** Null when the daemon answers 404. */
export async function orNull<Result>(promise: Promise<Result>): Promise<Result | null> {
  return await tolerating([404], promise);
}

/** Null when the daemon answers with one of these statuses. */
export async function tolerating<Result>(
  statuses: readonly number[],
  promise: Promise<Result>,
): Promise<Result | null> {
  try {
    return await call(promise);
  } catch (error) {
    if (statuses.includes(statusOf(error) ?? 0)) return null;
    throw error;
  }
}
