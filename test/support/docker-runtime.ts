import { rm } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { TAP } from 'tap';
import { createComponents } from '../../src/components/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { randomId } from '../../src/resources/random-id.ts';
import { createDockerRuntime } from '../../src/runtime/docker.ts';
import { labels } from '../../src/runtime/docker-labels.ts';
import type { DockerRuntimeOptions } from '../../src/runtime/docker-start.ts';
import type { Runtime } from '../../src/runtime/driver.ts';
import { dockerOrSkip } from './dockerd.ts';
import { temporaryFolder, testEnvironment } from './service.ts';

/** The same for a whole test file, which is skipped where there can be no Docker. */
export async function dockerRuntimesOrSkip(t: TAP) {
  const docker = await dockerOrSkip(t);
  const runtimes = await dockerRuntimes(docker);
  t.teardown(runtimes.close);
  return { docker, ...runtimes };
}

/** Docker runtimes of services that no other test has. `close` removes what they have made, sandboxes included. */
export async function dockerRuntimes(docker: Docker) {
  const dir = await temporaryFolder();
  const config = loadConfig(testEnvironment(dir));
  const components = createComponents({ config: config.components, cacheDir: config.cacheDir, docker });
  const owners: string[] = [];
  const opened = new Map<string, Runtime>();

  const networksOf = async (owner: string) =>
    (await docker.listNetworks()).filter(({ Labels }) => Labels?.[labels.owner] === owner);

  return {
    newOwner(): string {
      owners.push(`test-${randomId(9)}`);
      return owners.at(-1) ?? '';
    },
    imageOf: components.image,
    networksOf,
    open(owner: string, differs: Partial<DockerRuntimeOptions> = {}): Runtime {
      const options = { docker, owner, bindAddress: '127.0.0.1', imageOf: components.image, ...differs };
      const runtime = createDockerRuntime(options);
      opened.set(owner, runtime);
      return runtime;
    },
    async close(): Promise<void> {
      for (const owner of owners) {
        const runtime = opened.get(owner);
        for (const { sandboxId } of (await runtime?.observe()) ?? []) await runtime?.remove(sandboxId);
        for (const { Id } of await networksOf(owner)) await docker.getNetwork(Id).remove();
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
}
