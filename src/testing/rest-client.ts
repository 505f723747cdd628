import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Problem } from '../schemas/problem.ts';
import { SandboxError } from './sandbox-error.ts';
import { isThisMachine, type ServiceAccess, unreachableHint } from './service-access.ts';

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
const notSent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'];
/** The service may have got the request. */
const cutOff = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ABORT_ERR'];
/** Temporary answers of the service, or of a proxy while the service restarts. */
const passingStatuses = [502, 503, 504];
/** Answered by 5xx, but certainly without having made anything. */
const refusals = ['no_worker', 'ports_exhausted', 'disk_full'];
const passingCodes = ['rate_limited', 'idempotency_in_flight', 'kubeconfig_unavailable'];

/** A client of the REST API. It throws every answer that is not 2xx as a SandboxError. */
export function createRestClient(access: ServiceAccess) {
  async function attempt(call: Call): Promise<string> {
    try {
      const answer = await send(access, call);
      if (answer.status >= 200 && answer.status < 300) return answer.text;
      throw refusal(answer, call);
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

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/**
 * Sends a request and reads all of its answer. Not by `fetch`: where NODE_USE_ENV_PROXY is set, that would tell a proxy the
 * key of the service on this machine.
 */
async function send({ url, key }: ServiceAccess, { method, target, body, headers, signal }: Call): Promise<Answer> {
  const timeout = AbortSignal.timeout(answerWithinMs);
  const { request, Agent } = url.protocol === 'https:' ? https : http;
  const sent = request(new URL(target, url), {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    ...(isThisMachine(url) ? { agent: new Agent() } : {}),
  });
  // What goes wrong later on ends the body, where it is seen.
  sent.on('error', () => undefined);
  sent.end(body ? JSON.stringify(body) : '');
  const [answer] = (await once(sent, 'response')) as [http.IncomingMessage];
  return { status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'], text: await text(answer) };
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

function refusal({ status, retryAfter = '', text }: Answer, { method, target }: Call): SandboxError {
  const problem = parseProblem(text);
  const faults = (problem?.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`).join('');
  const message = problem?.detail ?? `${method} /${target} was answered ${status}: ${text.slice(0, 200)}`;
  const seconds = Number.parseInt(retryAfter, 10);
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

/** What an error of the network is known by. */
function reason(error: unknown): string {
  const { code, message } = error as Error & { code?: unknown };
  return typeof code === 'string' ? code : message;
}
