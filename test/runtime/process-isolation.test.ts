import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { createComponents } from '../../src/components/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Runtime } from '../../src/runtime/driver.ts';
import { createProcessRuntime, renewUsersOf } from '../../src/runtime/process.ts';
import { mappedPart, removeUsersFolder, type UserIds, userIdsFrom } from '../../src/runtime/user-ids.ts';
import { newSandboxId } from '../../src/sandbox/record.ts';
import { etcdOn } from '../support/etcd-sandbox.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';

/** What a program of a sandbox could try that has its user, and what two services of one machine could do to each other. */
const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : 'only root gives sandboxes users of their own';
const never = new AbortController().signal;
const folder = await temporaryFolder();
t.teardown(() => rm(folder, { recursive: true, force: true }));
const config = loadConfig(testEnvironment(folder));
const components = createComponents({ config: config.components, cacheDir: config.cacheDir });

async function runtimeAt(name: string, userIds: UserIds | null): Promise<Runtime> {
  const root = path.join(folder, name);
  return createProcessRuntime({ root, binaryOf: components.binary, userIds, bindAddress: '127.0.0.1' });
}

async function logText(runtime: Runtime, id: string): Promise<string> {
  let text = '';
  const chunks = await runtime.logs(id, 'etcd', { tail: 1000, follow: false, signal: never });
  for await (const chunk of chunks) text += chunk.toString();
  return text;
}

t.test('links of a sandbox to the files of others lead nowhere', { skip }, async (t) => {
  const runtime = await runtimeAt('links', await userIdsFrom(config.uidBase, path.join(folder, 'ids')));
  const { id, plan, etcd } = etcdOn(runtime);
  t.teardown(() => runtime.remove(id));
  const outside = path.join(folder, 'outside');
  const [secret, victim] = [path.join(outside, 'admin.key'), path.join(outside, 'victim')];
  await mkdir(outside);
  // Large enough for a rotation.
  await writeFile(secret, 'ADMIN KEY\n'.repeat(1_100_000), { mode: 0o600 });
  await writeFile(victim, 'untouched', { mode: 0o600 });
  const state = async () =>
    await Promise.all(
      (await readdir(outside)).map(async (name) => {
        const { uid, gid, mode, size, mtimeMs } = await stat(path.join(outside, name));
        return { name, uid, gid, mode, size, mtimeMs };
      }),
    );
  const before = [await state(), await stat(outside)];

  await runtime.prepare(plan, never);
  await runtime.start(plan, etcd, never);
  const dir = path.join(runtime.root, id);
  const { pid } = (await runtime.observe(id))[0]?.components[0] ?? {};
  const { uid, gid } = await stat(`/proc/${pid}`);
  t.not(uid, 0, 'etcd has a user of its own');
  // Each by itself, as most of them cannot be done.
  const tries = [
    ...['logs', 'run', 'pki'].map((name) => `mv ${name} ${name}.away; mkdir ${name}`),
    `ln -s ${secret} logs/etcd.log`,
    ...['logs/etcd.log.1', 'run/etcd.json.partial', 'run/etcd.json.exit.partial'].map((at) => `ln -s ${victim} ${at}`),
    ...['pki/secret.key.partial', 'etcd.partial', 'new', 'service'].map((at) => `ln -s ${victim} ${at}`),
    `rm -f pki/secret.key; ln -s ${victim} pki/secret.key`,
    `ln -s ${outside} later`,
    `ln -s ${secret} ../service/${id}/logs/etcd.log.1`,
    `mv ../service/${id} ../service/away`,
    `mv ../${id} ../away`,
  ];
  for (const script of tries) await execa('sh', ['-c', script], { cwd: dir, uid, gid, reject: false });
  t.ok((await readdir(dir)).includes('later'), 'links can be made in the folder of the sandbox');

  t.notMatch(await logText(runtime, id), 'ADMIN KEY');
  const log = path.join(runtime.root, 'service', id, 'logs', 'etcd.log');
  await appendFile(log, 'x'.repeat(10 * 1024 * 1024));
  await runtime.rotateLogs();
  t.equal((await stat(`${log}.1`)).size > 10 * 1024 * 1024, true, 'the log was rotated');
  await runtime.stop(id, 'etcd', 5000);
  await runtime.prepare(plan, never);
  await runtime.start(plan, etcd, never);
  t.match(await runtime.observe(id), [{ components: [{ name: 'etcd', state: 'running' }] }]);
  t.equal(await readFile(path.join(dir, 'pki', 'secret.key'), 'utf8'), 'x');
  t.notMatch(await logText(runtime, id), 'ADMIN KEY');
  const withLater = { ...plan, files: [...plan.files, { path: 'later/ca.crt', content: 'ca', mode: 0o644 }] };
  await t.rejects(runtime.prepare(withLater, never), /was not made by the service/);
  await runtime.remove(id);
  t.same([await state(), (await stat(outside)).mtimeMs], [before[0], (before[1] as { mtimeMs: number }).mtimeMs]);
  t.same(await runtime.observe(), []);
});

t.test('what is left of a sandbox in one of its two folders is found and removed', async (t) => {
  const runtime = await runtimeAt('halves', null);
  const ids = [newSandboxId(), newSandboxId()];
  await mkdir(path.join(runtime.root, ids[0] as string), { recursive: true });
  await mkdir(path.join(runtime.root, 'service', ids[1] as string, 'logs'), { recursive: true });
  t.same((await runtime.observe()).map(({ sandboxId }) => sandboxId).sort(), [...ids].sort());
  for (const id of ids) await runtime.remove(id);
  t.same(await runtime.observe(), []);
});

t.test('no two sandboxes of any services of a machine have the same user', { skip }, async (t) => {
  const userIds = { first: config.uidBase, count: 20, folder: path.join(folder, 'shared-ids') };
  const services = await Promise.all(['one', 'two'].map((name) => runtimeAt(name, userIds)));
  const prepare = async (runtime: Runtime, plan = etcdOn(runtime).plan) => {
    await runtime.prepare(plan, never);
    const { uid } = await stat(path.join(runtime.root, plan.sandboxId, 'pki', 'secret.key'));
    return { runtime, plan, uid };
  };
  const made = await Promise.all(services.flatMap((runtime) => Array.from({ length: 10 }, () => prepare(runtime))));
  t.equal(new Set(made.map(({ uid }) => uid)).size, 20);
  const [first, another] = made;
  if (!first || !another) throw new Error('nothing was made');
  t.equal((await prepare(first.runtime, first.plan)).uid, first.uid, 'a sandbox keeps its user');
  await t.rejects(prepare(first.runtime), { code: 'runtime_unavailable', message: /SANDPLANE_UID_BASE/ });

  await another.runtime.remove(another.plan.sandboxId);
  t.equal((await prepare(services[1] as Runtime)).uid, another.uid, 'the user of one that was removed is free');
  await rm(first.runtime.root, { recursive: true });
  const later = await prepare(services[1] as Runtime);
  t.ok(made.find(({ uid }) => uid === later.uid)?.runtime === first.runtime, 'and those of a data folder that is gone');
});

t.test('what runs as the user of a sandbox ends with it, and another gets the user late', { skip }, async (t) => {
  const first = config.uidBase + 100_000;
  const userIds = { first, count: 3, folder: path.join(folder, 'turns') };
  const runtime = await runtimeAt('turns', userIds);
  const uids: number[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    const { plan, id } = etcdOn(runtime);
    await runtime.prepare(plan, never);
    const { uid, gid } = await stat(path.join(runtime.root, id, 'pki', 'secret.key'));
    uids.push(uid - first);
    const left = spawn('sleep', ['600'], { uid, gid });
    await once(left, 'spawn');
    const ended = once(left, 'exit');
    await runtime.remove(id);
    t.same(await ended, [null, 'SIGKILL']);
  }
  t.same(uids, [0, 1, 2, 0]);
});

t.test('what notes the users of a machine is removed with the last of them, and not before', { skip }, async (t) => {
  const userIds = { first: config.uidBase + 100_000, count: 10, folder: path.join(folder, 'last-one') };
  const runtime = await runtimeAt('last-one-data', userIds);
  const { plan, id } = etcdOn(runtime);
  await runtime.prepare(plan, never);
  const noted = await readdir(userIds.folder);
  await removeUsersFolder(userIds.folder);
  t.same(await readdir(userIds.folder), noted);
  await runtime.remove(id);
  await removeUsersFolder(userIds.folder);
  await t.rejects(readdir(userIds.folder), { code: 'ENOENT' });
  await t.resolves(removeUsersFolder(userIds.folder), 'nor is it an error that there is none');
});

t.test('sandboxes keep their users where the notes of them are lost', { skip }, async (t) => {
  const userIds = { first: config.uidBase + 100_000, count: 10, folder: path.join(folder, 'lost') };
  const runtime = await runtimeAt('keeping', userIds);
  const { plan } = etcdOn(runtime);
  const uidOf = async ({ sandboxId }: typeof plan) =>
    (await stat(path.join(runtime.root, sandboxId, 'pki', 'secret.key'))).uid;
  await runtime.prepare(plan, never);
  const uid = await uidOf(plan);
  // As after a power cut.
  await writeFile(path.join(runtime.root, 'service', plan.sandboxId, 'user'), '');
  await runtime.prepare(plan, never);
  t.equal(await uidOf(plan), uid);
  // As in a container that is made anew on the old data.
  await rm(userIds.folder, { recursive: true });
  await renewUsersOf(runtime.root, userIds);
  const another = etcdOn(runtime).plan;
  await runtime.prepare(another, never);
  t.not(await uidOf(another), uid, 'no other gets it');
  await runtime.prepare(plan, never);
  t.equal(await uidOf(plan), uid);
  for (const { sandboxId } of [plan, another]) await runtime.remove(sandboxId);
});

t.test('in a user namespace, users that are not mapped into it are not used', async (t) => {
  const wanted = { first: 900_000, count: 65_536 };
  const all = '         0          0 4294967295\n';
  t.same(mappedPart(wanted, []), wanted, 'where there are no namespaces');
  t.same(mappedPart(wanted, [all, all]), wanted);
  t.equal(mappedPart(wanted, ['         0       1000          1\n']), null, 'root alone');
  const rootless = '         0       1000          1\n         1     100000      65536\n';
  t.equal(mappedPart(wanted, [rootless, rootless]), null);
  t.same(mappedPart({ first: 60_000, count: 65_536 }, [rootless, all]), { first: 60_000, count: 5537 });
  t.equal(mappedPart(wanted, [all, rootless]), null, 'groups are mapped by themselves');
});

t.test('the root of a user namespace that has no other users runs sandboxes as itself', { skip }, async (t) => {
  const program = `
    import { createProcessRuntime } from './src/runtime/process.ts';
    import { userIdsFrom } from './src/runtime/user-ids.ts';
    import { etcdOn } from './test/support/etcd-sandbox.ts';
    const root = process.argv[1];
    const userIds = await userIdsFrom(${config.uidBase});
    const runtime = createProcessRuntime({ root, binaryOf: async () => '', userIds, bindAddress: '127.0.0.1' });
    await runtime.prepare(etcdOn(runtime).plan, new AbortController().signal);
    console.log(JSON.stringify(userIds));`;
  const root = path.join(folder, 'namespace');
  const node = [process.execPath, '--input-type=module-typescript', '--eval', program, root];
  const { stdout, stderr, exitCode } = await execa('unshare', ['--user', '--map-root-user', ...node], {
    reject: false,
  });
  if (exitCode !== 0 && stderr.startsWith('unshare:')) return t.pass(`no namespaces here: ${stderr}`);
  t.equal(stdout, 'null', stderr);
});
