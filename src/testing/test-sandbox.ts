import { rm, writeFile } from 'node:fs/promises';
import type { ApiType, Configuration, KubeConfig } from '@kubernetes/client-node';
import { SandboxError } from './sandbox-error.ts';

export interface TestSandbox extends AsyncDisposable {
  readonly id: string;
  /** YAML, for kubectl and every client library. */
  readonly kubeconfig: string;
  /** For @kubernetes/client-node, which must be installed beside this package. */
  kubeConfig(): Promise<KubeConfig>;
  /** A client of @kubernetes/client-node: `await sandbox.client(CoreV1Api)`. */
  client<Api extends ApiType>(api: new (configuration: Configuration) => Api): Promise<Api>;
  /** Writes the kubeconfig, for nobody else to read, and returns the path. */
  writeKubeconfig(file: string): Promise<string>;
  /** Deletes the sandbox and waits until nothing of it is left. The end of the scope of `await using` does it too. */
  delete(): Promise<void>;
}

/** What a test holds of its sandbox. */
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
      // A file that is there would keep its mode, and this one holds a private key.
      await rm(file, { force: true });
      await writeFile(file, kubeconfig, { mode: 0o600, flag: 'wx' });
      return file;
    },
    delete: deleteOnce,
    [Symbol.asyncDispose]: deleteOnce,
  };
}

/** Loaded when it is asked for, as not everybody has it. */
async function importClientNode(): Promise<typeof import('@kubernetes/client-node')> {
  try {
    return await import('@kubernetes/client-node');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const message = 'This needs @kubernetes/client-node: npm install --save-dev @kubernetes/client-node';
    throw new SandboxError('missing_tool', message, { cause });
  }
}
