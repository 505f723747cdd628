import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { defaultVersions } from '../../src/components/catalog.ts';
import { createComponents } from '../../src/components/components.ts';
import type { Config } from '../../src/config/config.ts';

/** The kubectl of the default version, and that of the machine, if there is one, which is usually older. */
export async function kubectls(config: Config): Promise<{ name: string; file: string }[]> {
  const components = createComponents({ config: config.components, cacheDir: config.cacheDir });
  const current = await components.binary('kubectl', defaultVersions.kubernetesVersion);
  const found = await execa('sh', ['-c', 'command -v kubectl'], { reject: false });
  const others = found.exitCode === 0 ? [{ name: 'the kubectl on the PATH', file: found.stdout.trim() }] : [];
  return [{ name: 'the current kubectl', file: current }, ...others];
}

export type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

/** A function that runs kubectl with this kubeconfig. It throws with the output of kubectl when that fails. */
export async function kubectlFor(file: string, dir: string, id: string, kubeconfig: string): Promise<Kubectl> {
  const configFile = path.join(dir, `${id}.kubeconfig`);
  await writeFile(configFile, kubeconfig, { mode: 0o600 });
  return async (args, input) => {
    const options = { timeout: 60_000, env: { HOME: dir }, ...(input === undefined ? {} : { input }) };
    const { stdout } = await execa(file, ['--kubeconfig', configFile, ...args], options);
    return stdout;
  };
}
