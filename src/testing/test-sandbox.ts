import { rm, writeFile } from 'node:fs/promises';
import type { ApiType, Configuration, KubeConfig } from '@kubernetes/client-node';
import { SandboxError } from './sandbox-error.ts';

export interface TestSandbox extends AsyncDisposable {
  readonly id: string;
  /** YAML, as kubectl and every client library read it. */
  readonly kubeconfig: string;
  /** For @kubernetes/client-node, which must be installed beside this package. */
  kubeConfig(): Promise<KubeConfig>;
  /** A client of @kubernetes/client-node: `await sandbox.client(CoreV1Api)`. */
  client<Api extends ApiType>(api: new (configuration: Configuration) => Api): Promise<Api>;
  /** Writes the kubeconfig to a file that only this user can read, and returns the path. */
  writeKubeconfig(file: string): Promise<string>;
  /** Deletes the sandbox and waits until nothing of it is left. `await using` does it at the end of the scope. */
  delete(): Promise<void>;
}

/** What a test gets of its sandbox. `end` deletes it. */
export function handleOf(id: string, kubeconfig: string, end: () => Promise<void>): TestSandbox {
  let ended: Promise<void> | null = null;
  const kubeConfig = async () => {
    const { KubeConfig } = await importClientNode();
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    return config;
  };
  const deleteOnce = () => {
    ended ??= end().catch((error: unknown) => {
      // So that it can be tried again.
      ended = null;
      throw error;
    });
    return ended;
  };
  return {
    id,
    kubeconfig,
    kubeConfig,
    client: async (api) => (await kubeConfig()).makeApiClient(api),
    async writeKubeconfig(file) {
      // The file holds a private key, and an existing file would keep its mode.
      await rm(file, { force: true });
      await writeFile(file, kubeconfig, { mode: 0o600, flag: 'wx' });
      return file;
    },
    delete: deleteOnce,
    [Symbol.asyncDispose]: deleteOnce,
  };
}

/** Loaded only when it is used, since it is an optional dependency. */
async function importClientNode(): Promise<typeof import('@kubernetes/client-node')> {
  try {
    return await import('@kubernetes/client-node');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const message = 'This needs @kubernetes/client-node: npm install --save-dev @kubernetes/client-node';
    throw new SandboxError('missing_tool', message, { cause });
  }
}
