import { chown, cp, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { defaultVersions } from '../../src/components/catalog.ts';
import { loadConfig } from '../../src/config/config.ts';
import { dockerOrSkip } from '../support/dockerd.ts';
import { kubectlFor, kubectls } from '../support/kubectl.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { skipFile } from '../support/skip-file.ts';
import { composeProject, findCompose, leftoversOf, newName, removeImages, tagComponents } from './compose.ts';
import { untilHealthy, untilLogged } from './events.ts';

t.setTimeout(600_000);
const docker = await dockerOrSkip(t);
const compose = (await findCompose()) ?? skipFile(t, 'there is no Compose');
const dir = await temporaryFolder();
const config = loadConfig(testEnvironment(dir));
const name = newName();
const registry = `sandplane.local/${name}`;
// None of the ports of sandboxes, nor of those that the system gives away.
const port = String(31_800 + (process.pid % 900));
const env = {
  ETCD_IMAGE: `${registry}/etcd`,
  KUBE_IMAGE: `${registry}/kube-apiserver`,
  KUBECTL_IMAGE: `${registry}/kubectl`,
  KUBE_APISERVER_PORT: port,
  ACCESS_DIR: path.join(dir, 'access'),
};
const project = composeProject(compose, 'docker/single/docker-compose.yml', env, name);
let images: string[] = [];
t.teardown(async () => {
  await project.run('down', '-v', '-t', '5').catch((error: Error) => t.comment(error.message));
  await removeImages(images);
  await rm(dir, { recursive: true, force: true });
});

const serving = async () => await untilLogged(docker, await project.container('kube-apiserver'), 'Serving securely');

t.test('before there are keys it says what to type, and makes nothing', async (t) => {
  const copy = path.join(dir, 'single');
  await cp('docker/single', copy, { recursive: true, filter: (file) => !/access$|\.env$/.test(file) });
  const bare = composeProject(compose, path.join(copy, 'docker-compose.yml'), {}, name);
  const refused = await bare.run('up', '-d').catch((error: { all: string }) => error);
  t.match(refused.all, /Keys and certificates come first\. Type \(npx node docker\/single\/make-access\.ts\)/);
  t.notOk((await readdir(copy)).includes('access'));
});

t.test('one plain etcd and kube-apiserver, at the port that was asked for', async (t) => {
  images = await tagComponents(docker, config, registry, { kubectl: defaultVersions.kubernetesVersion });
  const { stdout: file } = await execa(process.execPath, ['docker/single/make-access.ts'], { env });
  const kubeconfig = await readFile(file, 'utf8');
  // As for most users: who made the keys is not root.
  if (process.getuid?.() === 0) await giveTo(65_534, env.ACCESS_DIR);
  await project.run('up', '-d');
  await serving();
  await untilHealthy(docker, await project.container('health'));
  const [current] = await kubectls(config);
  const kubectl = await kubectlFor(current?.file ?? '', dir, 'single', kubeconfig);
  // It makes its namespaces just after it serves.
  await untilSucceeds(() => kubectl(['get', 'namespaces', 'kube-system', 'default']));
  t.match(await kubectl(['cluster-info']), `https://127.0.0.1:${port}`);
  t.match(await kubectl(['get', 'namespaces', '-o', 'name']), 'namespace/kube-system');
  await kubectl(['create', 'configmap', 'hello', '--from-literal=a=b']);
  await project.run('restart', '-t', '5');
  await serving();
  const read = () => kubectl(['get', 'configmap', 'hello', '-o', 'jsonpath={.data.a}']);
  await untilSucceeds(read);
  t.equal(await read(), 'b', 'its data outlives a restart');
  // In whichever order they come.
  const logs = (await project.run('logs')).all;
  t.match(logs, /kube-apiserver.*\|/, 'there are logs of both to watch');
  t.match(logs, /etcd_\d+ .*\|/);
});

t.test('its containers have limits of memory and log', async (t) => {
  for (const service of ['etcd', 'kube-apiserver', 'health']) {
    const { HostConfig } = await docker.getContainer(await project.container(service)).inspect();
    t.ok((HostConfig.Memory ?? 0) > 0, service);
    t.match(HostConfig.LogConfig, { Config: { 'max-size': '10m', 'max-file': '3' } });
  }
});

t.test('down -v leaves nothing', async (t) => {
  await project.run('down', '-v', '-t', '5');
  await removeImages(images);
  t.same(await leftoversOf(docker, name), []);
});

/** Tries for two minutes; then what fails is told. */
async function untilSucceeds(attempt: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const failure = await attempt().then(
      () => null,
      (error: unknown) => error,
    );
    if (failure === null) return;
    if (performance.now() > deadline) throw failure;
  }
}

async function giveTo(uid: number, folder: string): Promise<void> {
  for (const file of await readdir(folder)) await chown(path.join(folder, file), uid, uid);
  await chown(folder, uid, uid);
}
