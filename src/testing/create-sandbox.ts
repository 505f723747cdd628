import { randomUUID } from 'node:crypto';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { SandboxCreate } from '../schemas/sandbox-input.ts';
import { createRestClient, type RestClient } from './rest-client.ts';
import { hasCode, SandboxError } from './sandbox-error.ts';
import { findService } from './service-access.ts';
import { handleOf, type TestSandbox } from './test-sandbox.ts';

export { SandboxError, type TestSandbox };

type Given<Value> = { [Key in keyof Value]?: Given<Value[Key]> | undefined };

export interface SandboxOptions {
  /** Default: SANDPLANE_URL, else the service that `npm start` runs on this machine. */
  readonly url?: string | undefined;
  /** Default: SANDPLANE_KEY, else, on this machine, the service's admin key. */
  readonly key?: string | undefined;
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * As in the body of `POST /v1/sandboxes`. `ttlSeconds` is 3600 here, so that a sandbox of a killed test run is
   * deleted.
   */
  readonly spec?: Given<SandboxCreate['spec']> | undefined;
  /** How long to wait until it is ready. Default: two minutes. */
  readonly timeoutMs?: number | undefined;
  /** Ends the creation. What was made by then is deleted. */
  readonly signal?: AbortSignal | undefined;
}

const defaultTimeoutMs = 120_000;
const defaultTtlSeconds = 3600;
const deletionTimeoutMs = 60_000;
const longPollSeconds = 60;

/**
 * Creates a sandbox for a test and waits until it is ready: `await using sandbox = await createSandbox()`. Throws a
 * SandboxError that says why, with the log of the component that failed; the sandbox is then deleted.
 */
export async function createSandbox(options: SandboxOptions = {}): Promise<TestSandbox> {
  const { timeoutMs = defaultTimeoutMs, signal } = options;
  signal?.throwIfAborted();
  const request = createRestClient(await findService(options, process.env));
  const limits = { deadline: performance.now() + timeoutMs, timeoutMs, signal };
  const { id } = await create(request, options, limits);
  try {
    await waitUntilReady(request, id, limits);
    const kubeconfig = await request({ method: 'GET', target: `v1/sandboxes/${id}/kubeconfig`, ...limits });
    return handleOf(id, kubeconfig, () => remove(request, id));
  } catch (error) {
    await remove(request, id).catch((failed: unknown) => {
      throw new SandboxError('left_behind', `${error}\n${id} could not be deleted then: ${failed}`, { cause: error });
    });
    throw error;
  }
}

interface Limits {
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

async function create(request: RestClient, { name, labels, spec }: SandboxOptions, limits: Limits): Promise<Sandbox> {
  const ttlSeconds = spec?.ttlSeconds === undefined ? defaultTtlSeconds : spec.ttlSeconds;
  const call = {
    method: 'POST',
    target: 'v1/sandboxes',
    body: { name, labels, spec: { ...spec, ttlSeconds } },
    // The same for every try, so that a try whose answer was lost makes no second sandbox.
    headers: { 'idempotency-key': randomUUID() },
  } as const;
  try {
    return JSON.parse(await request({ ...call, ...limits })) as Sandbox;
  } catch (error) {
    const maybeMade = error instanceof SandboxError ? error.maybeDone : true;
    if (maybeMade) await undo(request, call);
    throw error;
  }
}

/**
 * Deletes what a create with a lost answer may have made: the same request again is answered with the id. When the
 * service does not answer, nothing more can be done here: the sandbox is deleted at the end of its time to live.
 */
async function undo(request: RestClient, call: Omit<Parameters<RestClient>[0], 'deadline' | 'signal'>): Promise<void> {
  try {
    const made = JSON.parse(await request({ ...call, deadline: performance.now() + 10_000 })) as Sandbox;
    await remove(request, made.id);
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
  }
}

async function waitUntilReady(request: RestClient, id: string, limits: Limits): Promise<void> {
  const get = async () =>
    JSON.parse(await request({ method: 'GET', target: `v1/sandboxes/${id}`, ...limits })) as Sandbox;
  for (;;) {
    const seconds = Math.ceil(Math.max(limits.deadline - performance.now(), 0) / 1000);
    const target = `v1/sandboxes/${id}/wait?for=ready&timeout=${Math.min(seconds, longPollSeconds)}`;
    try {
      await request({ method: 'GET', target, ...limits });
      return;
    } catch (error) {
      if (hasCode(error, 'phase_unreachable')) throw failureOf(await get(), error);
      if (!hasCode(error, 'wait_timeout')) throw error;
      if (performance.now() >= limits.deadline) throw lateness(await get(), limits.timeoutMs);
    }
  }
}

function failureOf({ id, status: { failure } }: Sandbox, error: SandboxError): SandboxError {
  if (!failure) return error;
  const { code, message, component, logTail } = failure;
  const log = logTail.length > 0 ? `\nThe last lines of ${component ?? 'its log'}:\n  ${logTail.join('\n  ')}` : '';
  return new SandboxError(code, `The sandbox ${id} failed: ${message}${log}`, { failure });
}

function lateness({ id, status }: Sandbox, timeoutMs: number): SandboxError {
  const position = status.queuePosition === null ? '' : `, at position ${status.queuePosition} of the queue`;
  const message = `The sandbox ${id} is ${status.phase}${position}, not ready, after ${timeoutMs} ms. Give it a longer timeoutMs, or start fewer at once.`;
  return new SandboxError('not_ready_in_time', message);
}

async function remove(request: RestClient, id: string): Promise<void> {
  const deadline = performance.now() + deletionTimeoutMs;
  try {
    await request({ method: 'DELETE', target: `v1/sandboxes/${id}`, deadline });
    await request({
      method: 'GET',
      target: `v1/sandboxes/${id}/wait?for=deleted&timeout=${longPollSeconds}`,
      deadline,
    });
  } catch (error) {
    // Deleted by somebody else, or by its time to live.
    if (!hasCode(error, 'not_found')) throw error;
  }
}
