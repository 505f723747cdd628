import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t, { type Test } from 'tap';

const note = 'ACCESS_DIR=./access\n';

/** Runs it in a tree of its own that begins with such a `.env`. Returns the `.env` that is there then. */
async function noted(t: Test, env: string | null, times = 1): Promise<string> {
  const root = t.testdir();
  const folder = path.join(root, 'docker/single');
  await mkdir(folder, { recursive: true });
  for (const name of ['src', 'node_modules', 'package.json']) await symlink(path.resolve(name), path.join(root, name));
  await writeFile(path.join(folder, 'make-access.ts'), await readFile('docker/single/make-access.ts'));
  const file = path.join(folder, '.env');
  if (env !== null) await writeFile(file, env);
  for (let i = 0; i < times; i++) {
    await execa(process.execPath, [path.join(folder, 'make-access.ts')], { env: { ACCESS_DIR: undefined } });
  }
  t.ok((await readdir(path.join(folder, 'access'))).includes('kubeconfig'));
  return await readFile(file, 'utf8');
}

t.test('without a .env one is made', async (t) => {
  t.equal(await noted(t, null), note);
});

t.test('the last line of a .env stays as it was, also where it has no end', async (t) => {
  t.equal(await noted(t, 'KUBE_VERSION=1.36.3'), `KUBE_VERSION=1.36.3\n${note}`);
  t.equal(await noted(t, 'KUBE_VERSION=1.36.3\n'), `KUBE_VERSION=1.36.3\n${note}`);
});

t.test('an ACCESS_DIR that was left empty is filled in, once', async (t) => {
  t.equal(await noted(t, 'ACCESS_DIR=\nKUBE_VERSION=1.36.3\n', 2), `KUBE_VERSION=1.36.3\n${note}`);
  t.equal(await noted(t, 'ACCESS_DIR=', 2), note);
});

t.test('one that is set is left alone', async (t) => {
  t.equal(await noted(t, 'ACCESS_DIR=./access'), 'ACCESS_DIR=./access');
});
