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
  /** In the time of `performance.now()`: temporary failures are tried again until then. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

export type RestClient = ReturnType<typeof createRestClient>;

/** Longer than the longest long poll of this client. */
const answerWithinMs = 90_000;
const defaultPauseMs = 500;
/** The service has not got the request. */
const notSent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'bad port'];
/** The service may have got the request. */
const cutOff = [
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'TimeoutError',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
];
/** Temporary answers of the service, or of a proxy while the service restarts. */
const passingStatuses = [502, 503, 504];
/** Answered by 5xx, but certainly without having made anything. */
const refusals = ['no_worker', 'ports_exhausted'];
const passingCodes = ['rate_limited', 'idempotency_in_flight', 'kubeconfig_unavailable'];

/** A client of the REST API. It throws every answer that is not 2xx as a SandboxError. */
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

  async function attempt(call: Call): Promise<string> {
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

  /** Sends a request, again and again while it fails temporarily. Returns the body of the answer. */
  return async function request(call: Call): Promise<string> {
    for (;;) {
      try {
        return await attempt(call);
      } catch (error) {
        const pauseMs = pauseBeforeRetry(error, call);
        if (pauseMs === null || performance.now() + pauseMs > call.deadline) throw error;
        await delay(pauseMs, undefined, call.signal ? { signal: call.signal } : {});
      }
    }
  };
}

/** How long to wait before the next try; null when the same request would fail again. */
function pauseBeforeRetry(error: unknown, { method }: Call): number | null {
  if (!(error instanceof SandboxError)) return null;
  const { code, status = 0, retryAfterMs } = error;
  const passes =
    // A POST that finds nobody listening fails at once: waiting would hide that the service does not run.
    (code === 'unreachable' && (method !== 'POST' || cutOff.includes(reason(error.cause)))) ||
    passingStatuses.includes(status) ||
    passingCodes.includes(code) ||
    // The limit of starts per minute passes by itself and says when; for the others somebody has to delete something.
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
    // An answer of 4xx has made nothing.
    maybeDone: (status >= 500 && !refusals.includes(problem?.code ?? '')) || problem?.code === 'idempotency_in_flight',
    ...(Number.isNaN(seconds) ? {} : { retryAfterMs: seconds * 1000 }),
  });
}

function parseProblem(text: string): Problem | null {
  try {
    const value = JSON.parse(text) as Problem;
    return typeof value.code === 'string' ? value : null;
  } catch {
    // Not JSON: the answer of a proxy, of which status and text are told instead.
    return null;
  }
}

/** The code of an error of fetch, which has it in its cause. */
function reason(error: unknown): string {
  const { code, name, message, cause } = error as Error & { code?: unknown };
  if (typeof code === 'string') return code;
  if (name === 'TimeoutError') return name;
  return cause instanceof Error ? reason(cause) : message;
}
