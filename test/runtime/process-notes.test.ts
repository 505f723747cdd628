import { appendFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createComponents } from '../../src/components/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createProcessRuntime } from '../../src/runtime/process.ts';
import { findProcesses } from '../../src/runtime/process-identity.ts';
import { etcdOn } from '../support/etcd-sandbox.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';

/** What the service wrote down about a process says something else than what runs: what runs counts. */
const never = new AbortController().signal;
const root = await temporaryFolder();
t.teardown(() => rm(root, { recursive: true, force: true }));
const config = loadConfig(testEnvironment(root));
const components = createComponents({ config: config.components, cacheDir: config.cacheDir });
const runtime = createProcessRuntime({ root, binaryOf: components.binary, userIds: null, bindAddress: '127.0.0.1' });

const noteOf = (id: string) => path.join(root, 'service', id, 'run', 'etcd.json');
const log = (id: string) => path.join(root, 'service', id, 'logs', 'etcd.log');
const pidsOf = async (id: string) => (await findProcesses(`${root}/${id}/`)).map(({ pid }) => pid);

async function startedEtcd() {
  const sandbox = etcdOn(runtime);
  await runtime.prepare(sandbox.plan, never);
  await runtime.start(sandbox.plan, sandbox.etcd, never);
  const [pid] = await pidsOf(sandbox.id);
  return { ...sandbox, pid };
}

/** etcd ends by itself when it looks for its files, soon after its start and then every 30 s, and they are gone. */
function freeze(pid: number | undefined) {
  process.kill(Number(pid), 'SIGSTOP');
}

t.test('a process whose note cannot be read is found, and none is started beside it', async (t) => {
  const { id, plan, etcd, pid } = await startedEtcd();
  t.teardown(() => runtime.remove(id));
  const good = await readFile(noteOf(id), 'utf8');
  // As a crash or a damaged disk may leave them.
  const notes = ['', '{', 'null', '{}', '[]', '123', '{"pid":-1,"started":"x","specHash":"x"}', good.slice(0, -5)];
  for (const note of notes) {
    await writeFile(noteOf(id), note);
    t.match(await runtime.observe(id), [{ components: [{ name: 'etcd', state: 'running', pid }] }], `note: ${note}`);
  }
  await writeFile(noteOf(id), '{}');
  await runtime.start(plan, etcd, never);
  t.equal((await pidsOf(id)).length, 1);
});

t.test('a sandbox that cannot be looked at hides no other', async (t) => {
  const [broken, sound] = [await startedEtcd(), await startedEtcd()];
  t.teardown(() => Promise.all([broken, sound].map(({ id }) => runtime.remove(id))));
  const logs = path.join(root, 'service', broken.id, 'logs');
  await rm(logs, { recursive: true });
  // As on a damaged disk: it cannot be listed.
  await writeFile(logs, '');
  const found = await runtime.observe();
  t.same(found.map(({ sandboxId }) => sandboxId).sort(), [broken.id, sound.id].sort());
  t.match(
    found.find(({ sandboxId }) => sandboxId === sound.id),
    { components: [{ name: 'etcd', state: 'running', pid: sound.pid }] },
  );
  await appendFile(log(sound.id), 'x'.repeat(10 * 1024 * 1024));
  await t.rejects(runtime.rotateLogs());
  t.equal((await stat(`${log(sound.id)}.1`)).size > 10 * 1024 * 1024, true, 'the log of the other is rotated');
});

for (const what of ['both folders', 'the folder', 'the folder of the service']) {
  t.test(`${what} of a sandbox removed under it: what runs is found, and ends before the next starts`, async (t) => {
    const { id, plan, etcd, pid } = await startedEtcd();
    t.teardown(() => runtime.remove(id));
    freeze(pid);
    if (what !== 'the folder of the service') await rm(path.join(root, id), { recursive: true });
    if (what !== 'the folder') await rm(path.join(root, 'service', id), { recursive: true });
    const nothingUsable = [{ sandboxId: id, components: [] }];
    t.same(await runtime.observe(id), nothingUsable);
    t.same(await runtime.observe(), nothingUsable);
    await runtime.prepare(plan, never);
    await runtime.start(plan, etcd, never);
    const now = await pidsOf(id);
    t.equal(now.length, 1);
    t.not(now[0], pid);
    t.match(await runtime.observe(id), [{ components: [{ name: 'etcd', state: 'running', pid: now[0] }] }]);
  });
}

t.test('what runs without a folder ends with its sandbox', async (t) => {
  const { id, pid } = await startedEtcd();
  freeze(pid);
  for (const folder of [id, `service/${id}`]) await rm(path.join(root, folder), { recursive: true });
  await runtime.remove(id);
  t.same(await pidsOf(id), []);
  t.same(await runtime.observe(), []);
});
