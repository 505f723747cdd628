import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { defaultVersions } from '../src/components/catalog.ts';
import { findTemplate } from '../src/reconcile/template.ts';
import { connectDocker } from '../src/runtime/docker-connection.ts';
import type { Cleanup } from './cleanup.ts';
import { restKind } from './rest-start.ts';
import { scriptKind } from './script-start.ts';
import { removeService, type Service, startService } from './service.ts';
import { makeServiceFolder, obtainBinaries } from './service-folder.ts';
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
  const docker = wanted.docker && (await connectDocker()) !== null;
  if (wanted.dockerRequired && !docker) throw new Error('Docker was asked for, but no daemon answers.');

  const binaries = await obtainBinaries(signal);
  const { folder, options } = await makeServiceFolder(cleanup, binaries);
  const service = await startService(options, (child) => cleanup.add(() => removeService(options, child)));
  const templateDir = await templateMade(options.cacheDir, signal);

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
