import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, Pool } from 'undici';
import { authorityOf } from '../config/authority.ts';
import { AppError } from '../errors.ts';
import type { CertificateAndKey } from './pki.ts';

/** A client of one sandbox's Kubernetes API with one credential. It keeps its connections open between requests. */
export interface KubeClient {
  /** Throws when the server cannot be reached. An error status does not throw. */
  send(method: string, path: string, body?: object): Promise<{ status: number; body: string }>;
  close(): void;
}

interface KubeClientOptions {
  readonly host: string;
  readonly port: number;
  readonly servername: string;
  readonly ca: string;
  readonly identity: CertificateAndKey;
}

/** With the pause between two sweeps, 5 s by default, one that hangs is told within 10 s. */
export const requestTimeoutMs = 4000;

export function createKubeClient({ host, port, servername, ca, identity }: KubeClientOptions): KubeClient {
  const pool = new Pool(`https://${authorityOf(host, port)}`, {
    connections: 2,
    // It tells nothing of that, and closes a connection after 90 s without a request, as servers written in Go do.
    keepAliveTimeout: 60_000,
    connect: { servername, ca, cert: identity.cert, key: identity.key, timeout: requestTimeoutMs },
  });
  return {
    async send(method, path, body) {
      const payload = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      const signal = AbortSignal.timeout(requestTimeoutMs);
      const answer = await pool.request({ method: method as Dispatcher.HttpMethod, path, signal, ...payload });
      return { status: answer.statusCode, body: await answer.body.text() };
    },
    // What is under way is cut off, and whoever waits for it is told by a rejection.
    close: () => void pool.destroy(),
  };
}

export const readyPathWithAllHooks = '/readyz';

/**
 * Readiness of kube-apiserver without two hooks that poll only every second and would delay it. What these hooks make
 * exists already in a template.
 */
export const readyPath =
  '/readyz?exclude=poststarthook/rbac/bootstrap-roles&exclude=poststarthook/scheduling/bootstrap-system-priority-classes';

export interface WaitOptions {
  readonly what: string;
  readonly timeoutMs: number;
  readonly everyMs: number;
  readonly signal: AbortSignal;
  /** Called about every 100 ms. Throws when there is nothing left to wait for, as after an exit. */
  readonly stillPossible: () => Promise<void>;
}

/** Asks until the answer is true. Throws `component_timeout`, what `stillPossible` throws, or the abort reason. */
export async function waitUntil(ask: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const { what, timeoutMs, everyMs, signal, stillPossible } = options;
  const deadline = performance.now() + timeoutMs;
  for (let checkAt = performance.now() + 100; ; ) {
    signal.throwIfAborted();
    if (await ask()) return;
    if (performance.now() >= checkAt) {
      await stillPossible();
      checkAt = performance.now() + 100;
    }
    if (performance.now() > deadline) throw new AppError('component_timeout', `${what} within ${timeoutMs / 1000} s.`);
    await delay(everyMs);
  }
}
