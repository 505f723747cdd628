import { rm } from 'node:fs/promises';
import t from 'tap';
import { createComponents } from '../../src/components/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { randomId } from '../../src/resources/random-id.ts';
import { createDockerRuntime } from '../../src/runtime/docker.ts';
import { removeNetwork } from '../../src/runtime/docker-network.ts';
import { testDocker } from '../support/dockerd.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { runtimeConformance } from './runtime-conformance.ts';

t.setTimeout(300_000);
const found = await testDocker();
if (typeof found === 'string') {
  t.plan(0, found);
  process.exit();
}
const daemon = found;
const dir = await temporaryFolder();
t.teardown(async () => {
  await rm(dir, { recursive: true, force: true });
  await removeNetwork(daemon.docker, owner);
  await daemon.stop();
});
const owner = `conformance-${randomId(9)}`;
const config = loadConfig(testEnvironment(dir));
const components = createComponents({ config: config.components, cacheDir: config.cacheDir, docker: daemon.docker });

/** As `docker container prune` and `docker volume prune --all` do. */
async function removeData(id: string): Promise<void> {
  await daemon.docker.getContainer(`sandplane-${id}-etcd`).remove();
  await daemon.docker.getVolume(`sandplane-${id}`).remove();
}

runtimeConformance(t, {
  runtime: createDockerRuntime({
    docker: daemon.docker,
    owner,
    bindAddress: '127.0.0.1',
    imageOf: components.image,
  }),
  listenAddress: '0.0.0.0',
  removeData,
  async emptyData(id) {
    const { Labels } = await daemon.docker.getVolume(`sandplane-${id}`).inspect();
    await removeData(id);
    await daemon.docker.createVolume({ Name: `sandplane-${id}`, Labels });
  },
});
