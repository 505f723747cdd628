import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { Client } from 'undici';
import type { Sandbox } from '../schemas/sandbox.ts';

interface DemoOptions {
  /** Of the REST API. */
  readonly url: string;
  readonly key: string;
  readonly dataDir: string;
  /** Returns the path of a kubectl. */
  readonly kubectl: () => Promise<string>;
}

/** What `kubectl` was asked about the demo, and what it said. */
interface Demo {
  readonly command: string;
  readonly answer: string;
}

const waitSeconds = 300;
/** By this label a later start finds the demo of one that was cut off, or that failed: users may name theirs the same. */
const label = { name: 'sandplane/made-by', value: 'first-start' };

/**
 * Makes the sandbox `demo` through the service's own REST API, saves its kubeconfig and asks it by kubectl. What an earlier
 * start has left is used, or removed when it has failed. Throws with the cause when there will be no demo.
 */
export async function makeDemo({ url, key, dataDir, kubectl }: DemoOptions): Promise<Demo> {
  const api = connectApi(url, key);
  try {
    const { id } = (await findEarlier(api)) ?? (await create(api));
    await api.json('GET', `/v1/sandboxes/${id}/wait?timeout=${waitSeconds}`);
    const file = path.join(dataDir, 'kubeconfigs', 'demo.yaml');
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, await api.text('GET', `/v1/sandboxes/${id}/kubeconfig`), { mode: 0o600 });
    await chmod(file, 0o600);
    const args = ['--kubeconfig', file, 'get', 'namespaces'];
    const program = await kubectl();
    // A proxy that is set is for the world outside.
    const { stdout } = await execa(program, args, { timeout: 30_000, env: { NO_PROXY: '*', no_proxy: '*' } });
    return { command: [program, ...args].join(' '), answer: stdout };
  } finally {
    await api.close();
  }
}

async function findEarlier(api: Api): Promise<Sandbox | undefined> {
  const selector = encodeURIComponent(`${label.name}=${label.value}`);
  const { items } = await api.json<{ items: Sandbox[] }>('GET', `/v1/sandboxes?label=${selector}`);
  for (const { id, status } of items) if (status.phase === 'failed') await api.json('DELETE', `/v1/sandboxes/${id}`);
  return items.find(({ status }) => !['failed', 'deleting'].includes(status.phase));
}

async function create(api: Api): Promise<Sandbox> {
  return await api.json('POST', '/v1/sandboxes', { name: 'demo', labels: { [label.name]: label.value } });
}

type Api = ReturnType<typeof connectApi>;

/**
 * A client of the service itself. It is not Node's `fetch`, which asks a proxy even for the loopback address where
 * NODE_USE_ENV_PROXY is set.
 */
function connectApi(url: string, key: string) {
  // How long an answer takes is limited by the service.
  const client = new Client(url, { headersTimeout: 0 });

  async function text(method: 'GET' | 'POST' | 'DELETE', target: string, body?: object): Promise<string> {
    const answer = await client.request({
      method,
      path: target,
      headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const content = await answer.body.text();
    if (answer.statusCode < 400) return content;
    throw new Error((JSON.parse(content) as { detail: string }).detail);
  }

  return {
    text,
    json: async <Answer>(...request: Parameters<typeof text>) => JSON.parse(await text(...request)) as Answer,
    close: () => client.destroy(),
  };
}
