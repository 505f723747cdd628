import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defaultVersions } from '../src/components/catalog.ts';
import { createComponents } from '../src/components/components.ts';
import { loadConfig } from '../src/config/config.ts';
import { findProcesses } from '../src/runtime/process-identity.ts';
import { sendSignal } from '../src/runtime/process-signals.ts';
import type { Cleanup } from './cleanup.ts';
import type { ServiceOptions } from './service.ts';

export type Binaries = Awaited<ReturnType<typeof obtainBinaries>>;

interface ServiceFolder {
  readonly folder: string;
  /** Of a service whose data, cache and binaries are in the folder. */
  readonly options: ServiceOptions;
}

/** Makes a temporary folder for a service, which is removed at the end with all that runs in it. */
export async function makeServiceFolder(cleanup: Cleanup, binaries: Binaries | null): Promise<ServiceFolder> {
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
  const options = { dataDir: path.join(folder, 'data'), cacheDir: path.join(folder, 'cache'), componentsDir };
  return { folder, options };
}

/** Those of the default versions. */
export async function obtainBinaries(signal: AbortSignal) {
  const config = loadConfig(process.env);
  const components = createComponents({ config: config.components, cacheDir: config.cacheDir });
  const etcd = await components.binary('etcd', defaultVersions.etcdVersion, signal);
  const kubeApiserver = await components.binary('kube-apiserver', defaultVersions.kubernetesVersion, signal);
  return { etcd, kubeApiserver };
}

/** Kills every process that has this folder on its command line: only what was started here has. */
async function endAll(folder: string): Promise<void> {
  for (const { pid } of await findProcesses(`${folder}/`)) {
    if (pid !== process.pid) sendSignal(pid, 'SIGKILL');
  }
}
