import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { kubectlFor, kubectls } from '../support/kubectl.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { serviceProcess } from '../support/service-process.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

t.setTimeout(300_000);
const diskMiB = 700;

const dir = await temporaryFolder();
const dataDir = path.join(dir, 'd');
await mkdir(dataDir);
const disk = await mountSmallDisk(path.join(dir, 'disk'), dataDir, diskMiB);
const service = await serviceProcess({}, dataDir);
const { client } = service;
t.teardown(async () => {
  await service.end('SIGKILL');
  await disk?.makeRoom();
  await service.stopAll();
  await disk?.unmount();
  await rm(dir, { recursive: true, force: true });
});

const create = () => client.call('POST', '/v1/sandboxes', {});
/** A worker tells how much room there is every few seconds. What is accepted until then waits for room, and is deleted here. */
const untilRefused = async (check: (id: string) => Promise<void> = async () => undefined) => {
  for (;;) {
    const answer = await create();
    if (answer.body.code === 'disk_full') return answer;
    if (answer.status === 202) {
      await check(answer.body.id);
      await client.remove(answer.body.id);
    }
    await delay(100);
  }
};
const kubectlOf = async (id: string) => {
  const [current] = await kubectls(loadConfig(testEnvironment(dataDir)));
  return await kubectlFor(current?.file ?? '', dir, 'disk', await client.kubeconfig(id));
};

t.test('a disk that is full', { skip: disk ? false : 'no loop device can be mounted here' }, async (t) => {
  if (!disk) return;
  await service.start({ SANDPLANE_LOG_LEVEL: 'info', SANDPLANE_STORE_TIMEOUT_MS: '1000' });
  const { body: sandbox } = await client.create({ name: 'before' });
  t.equal(sandbox.status.phase, 'ready');
  const kubectl = await kubectlOf(sandbox.id);
  await kubectl(['create', 'configmap', 'kept']);
  const data = path.join(dir, 'data');
  await writeFile(data, Buffer.alloc(600_000, 'x'));
  /** Writes until that is refused. */
  const exhaustEtcd = async () => {
    for (let i = 0; ; i += 1) {
      const written = await kubectl(['create', 'configmap', `large-${i}`, `--from-file=${data}`]).catch(() => null);
      if (written === null) return;
    }
  };

  await t.test('with less than its reserve creates are refused with the reason, and all else goes on', async (t) => {
    await disk.fill(60);
    const refused = await untilRefused(async (id) => {
      const waits = async () =>
        (await client.get(id)).body.status.conditions.some(({ reason }) => reason === 'NoDiskSpace');
      await until(waits);
    });
    t.match(refused, { status: 503, body: { code: 'disk_full', detail: /MiB free and keeps 13\d/ } });
    t.ok(refused.headers.get('retry-after'));
    t.equal((await client.call('PATCH', `/v1/sandboxes/${sandbox.id}`, { labels: { still: 'changed' } })).status, 200);
    t.equal((await client.get(sandbox.id)).body.status.phase, 'ready');
  });

  await t.test('when nothing is left, reads go on and creates are refused', async (t) => {
    await disk.fill(0);
    await exhaustEtcd();
    await until(async () => (await client.list()).status === 200 && (await create()).body.code === 'disk_full');
    // Whatever the service writes of its own has met the full disk by then.
    for (let i = 0; i < 200; i += 1) await create();
    t.equal((await client.get(sandbox.id)).status, 200);
    t.match(await create(), { status: 503, body: { code: 'disk_full' } });
  });

  await t.test('once there is room all goes on by itself', async (t) => {
    await disk.makeRoom();
    const began = performance.now();
    await until(async () => (await create()).status === 202);
    t.comment(`a create is accepted ${Math.round(performance.now() - began)} ms after`);
    await until(async () => (await client.get(sandbox.id)).body.status.phase === 'ready' && (await writes()));
    t.comment(`a sandbox takes writes ${Math.round(performance.now() - began)} ms after`);
    t.match(await kubectl(['get', 'configmap', 'kept', '-o', 'name']), 'configmap/kept');
    t.comment(`restarts: ${(await client.get(sandbox.id)).body.status.restarts}`);
    async function writes(): Promise<boolean> {
      return await kubectl(['create', 'configmap', 'after']).then(
        () => true,
        () => false,
      );
    }
  });

  await t.test('with a disk that is full again, SIGTERM ends the service in order', async (t) => {
    await disk.fill(0);
    await untilRefused();
    t.equal(await service.end('SIGTERM'), 0);
  });
});
