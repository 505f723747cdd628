import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { defaultVersions } from '../components/catalog.ts';
import { createComponents } from '../components/components.ts';
import type { Config } from '../config/config.ts';
import { exists } from '../runtime/process-folder.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { RunningApi } from './api.ts';
import type { RunningHost } from './host.ts';
import { adminKey } from './service-keys.ts';
import { print, runSteps } from './terminal.ts';

interface DemoOptions {
  readonly url: string;
  readonly key: string;
  readonly dataDir: string;
  /** The path of a kubectl. */
  readonly kubectl: string;
}

const waitSeconds = 300;

/** On the first run only: the template, so that starts are fast from the first on, and a sandbox to look at. */
export async function firstRun(config: Config, host: RunningHost, api: RunningApi): Promise<void> {
  const done = path.join(config.dataDir, 'first-run-done');
  if (!config.demo || (await exists(done))) return;
  let answer = '';
  await runSteps([
    { title: 'Template (once, some seconds)', run: async () => void (await host.prepared) },
    {
      title: 'First sandbox, demo',
      run: async () => {
        const components = createComponents({ config: config.components, cacheDir: config.cacheDir });
        const kubectl = await components.binary('kubectl', defaultVersions.kubernetesVersion);
        const demo = await makeDemo({ url: api.url, key: await adminKey(config), dataDir: config.dataDir, kubectl });
        answer = `$ ${kubectl} --kubeconfig ${demo.file} get namespaces\n${demo.answer}`;
        return 'ready';
      },
    },
  ]);
  print(`\n${answer}`);
  await writeFile(done, '');
}

/**
 * Makes the sandbox `demo` through the service's own REST API, saves its kubeconfig and returns what
 * `kubectl get namespaces` answers. Cut off and repeated, it makes no second one.
 */
async function makeDemo({ url, key, dataDir, kubectl }: DemoOptions): Promise<{ file: string; answer: string }> {
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
