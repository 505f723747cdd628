import { setTimeout as delay } from 'node:timers/promises';
import type { Problem } from '../schemas/problem.ts';
import { SandboxError } from './sandbox-error.ts';
import { type ServiceAccess, unreachableHint } from './service-access.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Relative: `v1/sandboxes`. */
  readonly target: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** By `performance.now()`: passing faults are tried again until then. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

export type RestClient = ReturnType<typeof createRestClient>;

/** Longer than any long poll that is asked for below. */
const answerWithinMs = 90_000;
const defaultPauseMs = 500;
const notSent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'bad port'];
/** On the way, where the request may have arrived. */
const cutOff = [
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'TimeoutError',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
];
/** By the service itself, or by a proxy while it restarts. */
const passingStatuses = [502, 503, 504];
/** Nothing was made, though the status is that of a fault of the service. */
const refusals = ['no_worker', 'ports_exhausted'];
const passingCodes = ['rate_limited', 'idempotency_in_flight', 'kubeconfig_unavailable'];

/** Speaks to the service; every answer but a good one is thrown as a SandboxError. */
export function createRestClient(access: ServiceAccess) {
  async function send(call: Call): Promise<Response> {
    const { method, target, body, headers, signal } = call;
    const timeout = AbortSignal.timeout(answerWithinMs);
    return await fetch(new URL(target, access.url), {
      method,
      headers: {
        authorization: `Bearer ${access.key}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  }

  async function once(call: Call): Promise<string> {
    try {
      const response = await send(call);
      const text = await response.text();
      if (response.ok) return text;
      throw refusal(response, text, call);
    } catch (error) {
      if (error instanceof SandboxError) throw error;
      call.signal?.throwIfAborted();
      throw new SandboxError('unreachable', `${unreachableHint(access)} (${reason(error)})`, {
        cause: error,
        maybeDone: !notSent.includes(reason(error)),
      });
    }
  }

  /** The body of the answer, as text. */
  return async function request(call: Call): Promise<string> {
    for (;;) {
      try {
        return await once(call);
      } catch (error) {
        const pauseMs = pauseBeforeRetry(error, call);
        if (pauseMs === null || performance.now() + pauseMs > call.deadline) throw error;
        await delay(pauseMs, undefined, call.signal ? { signal: call.signal } : {});
      }
    }
  };
}

/** Null when the same request would fail again. */
function pauseBeforeRetry(error: unknown, { method }: Call): number | null {
  if (!(error instanceof SandboxError)) return null;
  const { code, status = 0, retryAfterMs } = error;
  const passes =
    // Where nobody listens from the start, waiting would only hide it.
    (code === 'unreachable' && (method !== 'POST' || cutOff.includes(reason(error.cause)))) ||
    passingStatuses.includes(status) ||
    passingCodes.includes(code) ||
    // The limit of starts in a minute says when there will be another; all others need somebody's deed.
    (code === 'quota_exceeded' && retryAfterMs !== undefined);
  return passes ? (retryAfterMs ?? defaultPauseMs) : null;
}

function refusal(response: Response, text: string, { method, target }: Call): SandboxError {
  const { status } = response;
  const problem = parseProblem(text);
  const faults = (problem?.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`).join('');
  const message = problem?.detail ?? `${method} /${target} was answered ${status}: ${text.slice(0, 200)}`;
  const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
  return new SandboxError(problem?.code ?? `http_${status}`, `${message}${faults}`, {
    status,
    // What is refused by 4xx has made nothing.
    maybeDone: (status >= 500 && !refusals.includes(problem?.code ?? '')) || problem?.code === 'idempotency_in_flight',
    ...(Number.isNaN(seconds) ? {} : { retryAfterMs: seconds * 1000 }),
  });
}

function parseProblem(text: string): Problem | null {
  try {
    const value = JSON.parse(text) as Problem;
    return typeof value.code === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** fetch hides the reason in the cause of the error. */
function reason(error: unknown): string {
  const { code, name, message, cause } = error as Error & { code?: unknown };
  if (typeof code === 'string') return code;
  if (name === 'TimeoutError') return name;
  return cause instanceof Error ? reason(cause) : message;
}
