import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
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

const requestTimeoutMs = 5000;

export function createKubeClient({ host, port, servername, ca, identity }: KubeClientOptions): KubeClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ca, cert: identity.cert, key: identity.key });
  return {
    send: (method, path, body) =>
      new Promise((resolve, reject) => {
        const payload = body && JSON.stringify(body);
        const headers = payload
          ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
          : {};
        const options = { host, port, servername, agent, method, path, headers, timeout: requestTimeoutMs };
        const sent = request(options, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
          });
        });
        sent.on('timeout', () => sent.destroy(new Error(`no answer within ${requestTimeoutMs} ms`)));
        sent.on('error', reject);
        sent.end(payload);
      }),
    close: () => agent.destroy(),
  };
}

/**
 * Readiness of kube-apiserver without two hooks that poll only every second and would delay it. What these hooks make
 * exists already in a template; and ready is said only after a write with the user's credential was accepted.
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
