import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { Sandbox } from '../schemas/sandbox.ts';

interface FirstRunOptions {
  readonly url: string;
  readonly key: string;
  readonly dataDir: string;
  /** The path of a kubectl. */
  readonly kubectl: string;
}

const waitSeconds = 300;

/**
 * Makes the sandbox `demo` through the service's own REST API, saves its kubeconfig and returns what
 * `kubectl get namespaces` answers. Cut off and repeated, it makes no second one.
 */
export async function makeDemo({
  url,
  key,
  dataDir,
  kubectl,
}: FirstRunOptions): Promise<{ file: string; answer: string }> {
  const created = await call<Sandbox>(`${url}/v1/sandboxes`, key, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: `wait=${waitSeconds}`, 'idempotency-key': 'first-run-demo' },
    body: JSON.stringify({ name: 'demo' }),
  });
  const { id, status } = await call<Sandbox>(`${url}/v1/sandboxes/${created.id}/wait?timeout=${waitSeconds}`, key);
  if (status.phase !== 'ready') throw new Error(`the demo sandbox is ${status.phase}`);
  const config = await fetch(`${url}/v1/sandboxes/${id}/kubeconfig`, { headers: { authorization: `Bearer ${key}` } });
  const file = path.join(dataDir, 'kubeconfigs', 'demo.yaml');
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, await config.text(), { mode: 0o600 });
  await chmod(file, 0o600);
  const { stdout } = await execa(kubectl, ['--kubeconfig', file, 'get', 'namespaces'], { timeout: 30_000 });
  return { file, answer: stdout };
}

async function call<Answer>(url: string, key: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } });
  const answer = (await response.json()) as Answer & { detail?: string };
  if (!response.ok) throw new Error(answer.detail ?? `${url} answered ${response.status}`);
  return answer;
}
