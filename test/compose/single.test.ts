import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import t from 'tap';
import { loadConfig } from '../../src/config.ts';
import { testDocker } from '../support/dockerd.ts';
import { kubectlFor, kubectls } from '../support/kubectl.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { composeProject, findCompose, tagComponents } from './compose.ts';

t.setTimeout(600_000);
const daemon = await testDocker();
const compose = await findCompose();
if (typeof daemon === 'string' || !compose) {
  t.plan(0, typeof daemon === 'string' ? daemon : 'there is no Compose');
  process.exit();
}
const dir = await temporaryFolder();
const config = loadConfig(testEnvironment(dir));
const port = String(26_000 + (process.pid % 1000));
await tagComponents(daemon.docker, config, 'sandplane.local/upstream');
const project = composeProject(compose, 'docker/single/docker-compose.yml', {
  ETCD_IMAGE: 'sandplane.local/upstream/etcd',
  KUBE_IMAGE: 'sandplane.local/upstream/kube-apiserver',
  KUBE_APISERVER_PORT: port,
  ACCESS_DIR: path.join(dir, 'access'),
});
t.teardown(async () => {
  await project.down();
  await rm(dir, { recursive: true, force: true });
  await daemon.stop();
});

t.test('one plain etcd and kube-apiserver, at the port that was asked for', async (t) => {
  const env = { ACCESS_DIR: path.join(dir, 'access'), KUBE_APISERVER_PORT: port };
  const { stdout: file } = await execa(process.execPath, ['docker/single/make-access.ts'], { env });
  await project.run('up', '-d');
  const [current] = await kubectls(config);
  const kubectl = await kubectlFor(current?.file ?? '', dir, 'single', await readFile(file, 'utf8'));
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    if (await kubectl(['get', 'namespace', 'default']).catch(() => '')) break;
    await delay(200);
  }
  t.match(await kubectl(['cluster-info']), `https://127.0.0.1:${port}`);
  t.match(await kubectl(['get', 'namespaces', '-o', 'name']), 'namespace/kube-system');
  await kubectl(['create', 'configmap', 'hello', '--from-literal=a=b']);
  await project.run('restart', '-t', '5');
  while (performance.now() < deadline + 60_000) {
    if (await kubectl(['get', 'configmap', 'hello']).catch(() => '')) break;
    await delay(200);
  }
  t.equal(await kubectl(['get', 'configmap', 'hello', '-o', 'jsonpath={.data.a}']), 'b', 'its data outlives a restart');
  t.match((await project.run('logs', 'kube-apiserver')).all, /kube-apiserver/, 'there are logs to watch');
});
