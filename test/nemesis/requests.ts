import { Agent, request } from 'node:https';
import { parse } from 'yaml';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { testAdminKey } from '../support/service.ts';

/** A stopped process answers nothing: a request without an answer by then may have been carried out or not. */
const answerWithinMs = 5000;

export interface Answer<Body> {
  /** 0: none came. */
  readonly status: number;
  readonly body: Body;
}

export type Api = ReturnType<typeof createApi>;

/** The REST API as a client behind a bad network sees it: what gets no answer is told as the status 0. */
export function createApi(url: string) {
  return async function call<Body = Sandbox>(
    method: string,
    target: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    try {
      const response = await fetch(`${url}${target}`, {
        method,
        headers: { authorization: `Bearer ${testAdminKey}`, 'content-type': 'application/json', ...headers },
        body: body ? JSON.stringify(body) : null,
        signal: AbortSignal.timeout(answerWithinMs),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      return { status: response.status, body: (isJson ? JSON.parse(text) : text) as Body };
    } catch {
      return { status: 0, body: undefined as Body };
    }
  };
}

interface Kubeconfig {
  readonly clusters: readonly [
    { cluster: { server: string; 'certificate-authority-data': string; 'tls-server-name': string } },
  ];
  readonly users: readonly [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

/** Asks a sandbox as kubectl would, each time on a connection of its own. */
export async function askSandbox(
  kubeconfig: string,
  method: string,
  target: string,
  body?: object,
): Promise<Answer<{ items?: { metadata: { name: string } }[] }>> {
  const { clusters, users } = parse(kubeconfig) as Kubeconfig;
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const { promise, resolve } = Promise.withResolvers<Answer<never>>();
  const none = () => resolve({ status: 0, body: undefined as never });
  const agent = new Agent({ keepAlive: false });
  const asking = request(`${cluster.server}${target}`, {
    method,
    agent,
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
    cert: Buffer.from(user['client-certificate-data'], 'base64'),
    key: Buffer.from(user['client-key-data'], 'base64'),
    servername: cluster['tls-server-name'],
    headers: { 'content-type': 'application/json' },
    signal: AbortSignal.timeout(answerWithinMs),
  });
  asking.on('error', none).on('response', async (response) => {
    let text = '';
    try {
      for await (const chunk of response) text += String(chunk);
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as never });
    } catch {
      none();
    }
  });
  asking.end(body ? JSON.stringify(body) : undefined);
  return await promise;
}
