import { rm } from 'node:fs/promises';
import type { Test } from 'tap';
import { dockerRuntimes } from '../support/docker-runtime.ts';
import type { TestDocker } from '../support/dockerd.ts';
import { runtimeConformance } from './runtime-conformance.ts';

/** The tests of a runtime on a daemon that speaks Docker's API. */
export async function dockerConformance(t: Test, { docker, stop }: TestDocker): Promise<void> {
  const runtimes = await dockerRuntimes(docker);
  t.teardown(async () => {
    await runtimes.close();
    await stop();
  });

  /** As `docker container prune` and `docker volume prune --all` do. */
  async function removeData(id: string): Promise<void> {
    await docker.getContainer(`sandplane-${id}-etcd`).remove();
    await docker.getVolume(`sandplane-${id}`).remove();
  }

  runtimeConformance(t, {
    runtime: runtimes.open(runtimes.newOwner()),
    neighbour: runtimes.open(runtimes.newOwner()),
    listenAddress: '0.0.0.0',
    removeData,
    async emptyData(id) {
      const { Labels } = await docker.getVolume(`sandplane-${id}`).inspect();
      await removeData(id);
      await docker.createVolume({ Name: `sandplane-${id}`, Labels });
    },
    async removeFolder(id) {
      const { Mountpoint } = await docker.getVolume(`sandplane-${id}`).inspect();
      await rm(Mountpoint, { recursive: true });
    },
  });
}
