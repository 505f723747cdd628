import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { defaultVersions } from '../src/components/catalog.ts';
import { createComponents } from '../src/components/components.ts';
import { loadConfig } from '../src/config/config.ts';
import { findTemplate } from '../src/reconcile/template.ts';
import { connectDocker } from '../src/runtime/docker-connection.ts';
import { findProcesses } from '../src/runtime/process-identity.ts';
import { sendSignal } from '../src/runtime/process-signals.ts';
import type { Cleanup } from './cleanup.ts';
import { restKind } from './rest-start.ts';
import { scriptKind } from './script-start.ts';
import { removeService, type Service, startService } from './service.ts';
import type { Kind } from './start.ts';

export interface Bench {
  readonly service: Service;
  readonly kinds: Readonly<Record<'rest' | 'bare' | 'template', Kind>> & { readonly docker: Kind | null };
}

const templateTimeoutMs = 180_000;

/** Obtains the binaries, starts the service in a temporary folder, and returns the ways to start. */
export async function setUp(
  wanted: { docker: boolean; dockerRequired: boolean },
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<Bench> {
  const binaries = await obtainBinaries(signal);
  const docker = wanted.docker && (await connectDocker()) !== null;
  if (wanted.dockerRequired && !docker) throw new Error('Docker was asked for, but no daemon answers.');

  const folders = await makeFolders(cleanup, binaries);
  const { folder } = folders;
  const service = await startService(folders, (child) => cleanup.add(() => removeService(folders, child)));
  const templateDir = await templateMade(folders.cacheDir, signal);

  const byHand = { folder, binaries, templateDir };
  return {
    service,
    kinds: {
      rest: restKind({ letter: 'A', runtime: 'process', service }),
      bare: scriptKind({ ...byHand, letter: 'B', name: 'bare shell start', script: 'bare-start.sh' }),
      template: scriptKind({
        ...byHand,
        letter: 'C',
        name: 'template start by hand',
        script: 'template-start.sh',
      }),
      docker: docker ? restKind({ letter: 'D', runtime: 'docker', service }) : null,
    },
  };
}

/** The folders of a service, in one that is removed at the end with all that runs in it. */
export async function makeFolders(cleanup: Cleanup, binaries: Binaries | null) {
  const folder = await mkdtemp(path.join(tmpdir(), 'sp-bench-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  cleanup.add(() => endAll(folder));
  // Sandboxes run as users of their own, who have to pass through this folder.
  await chmod(folder, 0o755);
  const componentsDir = path.join(folder, 'bin');
  await mkdir(componentsDir, { mode: 0o755 });
  if (binaries) {
    await symlink(binaries.etcd, path.join(componentsDir, 'etcd'));
    await symlink(binaries.kubeApiserver, path.join(componentsDir, 'kube-apiserver'));
  }
  return { folder, dataDir: path.join(folder, 'data'), cacheDir: path.join(folder, 'cache'), componentsDir };
}

type Binaries = Awaited<ReturnType<typeof obtainBinaries>>;

export async function obtainBinaries(signal: AbortSignal) {
  const config = loadConfig(process.env);
  const components = createComponents({ config: config.components, cacheDir: config.cacheDir });
  const etcd = await components.binary('etcd', defaultVersions.etcdVersion, signal);
  const kubeApiserver = await components.binary('kube-apiserver', defaultVersions.kubernetesVersion, signal);
  return { etcd, kubeApiserver };
}

/** Waits for the template, which the service makes in the background after its first start. */
export async function templateMade(cacheDir: string, signal: AbortSignal): Promise<string> {
  const folder = path.join(cacheDir, 'templates');
  const deadline = performance.now() + templateTimeoutMs;
  for (;;) {
    const found = await findTemplate({ folder, versions: defaultVersions });
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`the service made no template in ${folder}`);
    await delay(100, undefined, { signal });
  }
}

/** Kills every process that has this folder on its command line: only what was started here has. */
async function endAll(folder: string): Promise<void> {
  for (const { pid } of await findProcesses(`${folder}/`)) {
    if (pid !== process.pid) sendSignal(pid, 'SIGKILL');
  }
}
