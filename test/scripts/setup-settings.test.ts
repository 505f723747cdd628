import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';

/** A folder of this project in which set-up has already been. */
async function setUpFolder(root: string): Promise<void> {
  await mkdir(path.join(root, 'scripts'), { recursive: true });
  await mkdir(path.join(root, 'node_modules'));
  const copied = ['scripts/setup.mjs', 'package.json', 'package-lock.json'];
  for (const name of copied) await copyFile(name, path.join(root, name));
  for (const name of ['src', 'node_modules/.bin']) await symlink(path.resolve(name), path.join(root, name));
  const lock = createHash('sha256').update(await readFile('package-lock.json'));
  await writeFile(path.join(root, 'node_modules', '.sandplane-installed'), lock.digest('hex'));
}

t.test('a wrong setting is told once by npm start, and nothing else is', async (t) => {
  const root = t.testdir();
  await setUpFolder(root);
  const { exitCode, all } = await execa(process.execPath, ['scripts/setup.mjs'], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', REDIS_URL: 'redis://127.0.0.1', SANDPLANE_PORT: 'abc' },
    extendEnv: false,
    all: true,
    reject: false,
  });
  t.equal(exitCode, 1);
  t.equal(all, 'The settings are invalid:\n  SANDPLANE_PORT must be a whole number from 0 to 65535');
});
