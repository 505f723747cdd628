import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { defaultVersions } from '../components/catalog.ts';
import { createComponents } from '../components/components.ts';
import type { Config } from '../config/config.ts';
import { exists } from '../runtime/process-folder.ts';
import type { RunningApi } from './api.ts';
import { makeDemo } from './demo.ts';
import type { RunningHost } from './host.ts';
import { adminKey } from './service-keys.ts';
import { print, runSteps } from './terminal.ts';

/**
 * On the first run only: the template, so that starts are fast from the first on, and a sandbox to look at. The service
 * needs neither: it goes on when they cannot be made, and its next start tries again.
 */
export async function firstRun(
  config: Config,
  { host, api, isClosing }: { host: RunningHost; api: RunningApi; isClosing: () => boolean },
): Promise<void> {
  const done = path.join(config.dataDir, 'first-run-done');
  if (!config.demo || (await exists(done))) return;
  let said = '';
  const demo = async () => {
    const components = createComponents({ config: config.components, cacheDir: config.cacheDir });
    const kubectl = () => components.binary('kubectl', defaultVersions.kubernetesVersion);
    const key = await adminKey(config);
    const { command, answer } = await makeDemo({ url: api.url, key, dataDir: config.dataDir, kubectl });
    said = `$ ${command}\n${answer}`;
    return 'ready';
  };
  try {
    await runSteps([
      { title: 'Template (once, some seconds)', run: async () => void (await host.prepared) },
      { title: 'First sandbox, demo', run: demo },
    ]);
    print(`\n${said}`);
    await writeFile(done, '');
  } catch (error) {
    // Interrupted: it has not failed.
    if (isClosing()) throw error;
    const { message } = error as Error;
    print(`\nThe first sandbox, demo, could not be made; the next start tries again. The cause: ${message}`);
  }
}
