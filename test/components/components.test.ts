import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import t from 'tap';
import { binaryCache } from '../../src/components/cache.ts';
import { createComponents } from '../../src/components/components.ts';
import { type Progress, platform } from '../../src/components/source.ts';
import { loadConfig } from '../../src/config/config.ts';
import { temporaryFolder } from '../support/service.ts';
import { program, startReleaseServer } from './release-server.ts';

const dir = await temporaryFolder();
const server = await startReleaseServer({ 'kube-apiserver': '1.37.2', kubectl: '1.37.2', etcd: '3.6.16' });
t.teardown(async () => {
  server.close();
  await rm(dir, { recursive: true, force: true });
});

const environment = (sources: string, more: Record<string, string> = {}) => ({
  SANDPLANE_COMPONENT_SOURCES: sources,
  SANDPLANE_KUBERNETES_RELEASE_URL: server.url,
  SANDPLANE_ETCD_RELEASE_URL: server.url,
  ...more,
});

function componentsIn(cache: string, sources: string, more: Record<string, string> = {}) {
  const told: Progress[] = [];
  const { components: config } = loadConfig(environment(sources, more));
  const onProgress = (progress: Progress) => void told.push(progress);
  return { ...createComponents({ config, cacheDir: path.join(dir, cache), onProgress }), told };
}

const apiServerPath = `/v1.37.2/bin/${platform().os}/${platform().arch}/kube-apiserver`;

t.test('a release is downloaded, verified, cached and executable by all', async (t) => {
  const components = componentsIn('release', 'release');
  const file = await components.binary('kube-apiserver', '1.37.2');
  t.match((await execa(file, [])).stdout, 'v1.37.2');
  t.equal((await stat(file)).mode & 0o777, 0o755);
  const before = server.requests.length;
  t.equal(await componentsIn('release', 'release').binary('kube-apiserver', '1.37.2'), file);
  t.equal(server.requests.length, before, 'the second time it comes from the cache');
  t.match(
    (await execa(await components.binary('etcd', '3.6.16'), [])).stdout,
    'v3.6.16',
    'etcd comes out of its archive',
  );
  t.ok(components.told.some(({ message, fraction }) => /downloading/.test(message) && fraction === 1));
});

t.test('ready is what the default runtime can start: a binary is no image', async (t) => {
  const { components: config } = loadConfig(environment('release'));
  const stateFor = async (form: 'binary' | 'image') => {
    const report = await createComponents({ config, cacheDir: path.join(dir, 'release'), form }).versions();
    const all = report.flatMap(({ components }) => components);
    return all.find(({ name, version }) => name === 'kube-apiserver' && version === '1.37.2');
  };
  t.match(await stateFor('binary'), { state: 'ready', readyAs: ['binary'] });
  t.match(await stateFor('image'), { state: 'available', readyAs: ['binary'] });
});

t.test('a download that is cut off goes on where it was', async (t) => {
  const components = componentsIn('cut', 'release');
  server.requests.length = 0;
  const part = path.join(dir, 'cut', 'bin', 'kube-apiserver-1.37.2', 'work', 'kube-apiserver.part');
  server.cutNext(2, async (bytes) => {
    // No part yet: nothing has arrived.
    while (((await stat(part).catch(() => null))?.size ?? 0) < bytes) await delay(5);
  });
  const file = await components.binary('kube-apiserver', '1.37.2');
  t.same(await readFile(file), program('1.37.2'));
  const ranges = server.requests.filter((request) => request.startsWith(`${apiServerPath} `));
  t.equal(ranges.length, 2, 'two ranges after two cuts');
});

t.test('a download that a killed process began is finished by the next', async (t) => {
  const work = path.join(dir, 'resumed', 'bin', 'kube-apiserver-1.37.2', 'work');
  await mkdir(work, { recursive: true });
  await writeFile(path.join(work, 'kube-apiserver.part'), program('1.37.2').subarray(0, 5000));
  server.requests.length = 0;
  await componentsIn('resumed', 'release').binary('kube-apiserver', '1.37.2');
  t.ok(server.requests.includes(`${apiServerPath} 5000`), 'from the byte where it ended');
});

t.test('a wrong checksum is refused, and nothing is cached', async (t) => {
  server.forge(`/v1.37.2/bin/${platform().os}/${platform().arch}/kubectl.sha256`);
  const components = componentsIn('forged', 'release');
  await t.rejects(components.binary('kubectl', '1.37.2'), {
    code: 'component_unavailable',
    message: /published checksum/,
  });
  t.notOk((await readdir(path.join(dir, 'forged', 'bin', 'kubectl-1.37.2'))).includes('kubectl'));
});

t.test('a folder of the user, when the version is right', async (t) => {
  const folder = path.join(dir, 'folder');
  await mkdir(folder);
  await writeFile(path.join(folder, 'etcd'), program('3.6.16'), { mode: 0o755 });
  const components = componentsIn('from-folder', 'folder', { SANDPLANE_COMPONENTS_DIR: folder });
  t.match((await execa(await components.binary('etcd', '3.6.16'), [])).stdout, 'v3.6.16');
  await t.rejects(components.binary('etcd', '3.6.15'), { message: /is version 3\.6\.16/ });
});

t.test('a damaged binary in the cache is fetched again', async (t) => {
  const components = componentsIn('damaged', 'release');
  const file = await components.binary('etcd', '3.6.16');
  await writeFile(file, 'damaged');
  t.equal(await components.binary('etcd', '3.6.16'), file);
  t.match((await execa(file, [])).stdout, 'v3.6.16');
  await utimes(file, new Date(), new Date());
  const before = server.requests.length;
  await components.binary('etcd', '3.6.16');
  t.equal(server.requests.length, before, 'one that was only touched is not');
});

t.test('two processes that ask at once: one does the work', async (t) => {
  server.requests.length = 0;
  const cache = path.join(dir, 'both');
  const env = environment('release', {
    SANDPLANE_CACHE_DIR: cache,
    SANDPLANE_DATA_DIR: dir,
    SANDPLANE_RUNTIME: 'process',
  });
  const prepare = () => execa(process.execPath, ['src/cli/prepare.ts', '--json', 'kube-apiserver@1.37.2'], { env });
  const [one, two] = await Promise.all([prepare(), prepare()]);
  const lastOf = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1) ?? '').file;
  t.equal(lastOf(one.stdout), lastOf(two.stdout));
  t.equal(server.requests.filter((request) => request === apiServerPath).length, 1);
});

t.test('who has waited for another finds a work folder, though the other has removed his', async (t) => {
  const cache = binaryCache(path.join(dir, 'waiting'));
  const begun = Promise.withResolvers<void>();
  const isWaiting = Promise.withResolvers<void>();
  const first = cache.exclusively('etcd', '3.6.16', t.fail, async () => {
    begun.resolve();
    await isWaiting.promise;
    await cache.clearWork('etcd', '3.6.16');
  });
  await begun.promise;
  await cache.exclusively('etcd', '3.6.16', isWaiting.resolve, async (workDir) =>
    t.ok((await stat(workDir)).isDirectory()),
  );
  await first;
});

t.test('what cannot be had is told with each source and its reason', async (t) => {
  const folder = await mkdir(path.join(dir, 'empty'), { recursive: true });
  const components = componentsIn('none', 'folder,image,release,build', { SANDPLANE_COMPONENTS_DIR: folder ?? '' });
  const error = await components.binary('kube-apiserver', '1.37.999').catch((thrown) => thrown);
  t.match(error, { code: 'component_unavailable', component: 'kube-apiserver' });
  for (const reason of [/folder: there is no/, /image: no Docker daemon/, /release: .* answered 404/, /build: /])
    t.match(error.message, reason);
  const report = (await components.versions()).flatMap((version) => version.components);
  t.ok(report.every(({ state }) => ['available', 'failed'].includes(state)));
});

t.test('a build says what it is missing', async (t) => {
  const bin = path.join(dir, 'old-go');
  await mkdir(bin);
  await writeFile(path.join(bin, 'go'), '#!/bin/sh\necho go1.20.1\n');
  await chmod(path.join(bin, 'go'), 0o755);
  const before = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = before;
  });
  process.env.PATH = `${bin}:/usr/bin:/bin`;
  await t.rejects(componentsIn('old', 'build').binary('kube-apiserver', '1.37.2'), {
    message: /needs Go 1\.\d+.*this is Go 1\.20\.1/,
  });
  process.env.PATH = dir;
  await t.rejects(componentsIn('missing', 'build').binary('etcd', '3.6.16'), { message: /Go is missing; type: / });
});
