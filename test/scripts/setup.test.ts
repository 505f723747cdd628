import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { temporaryFolder } from '../support/service.ts';

/** A clone as this one, in small: its Node 24 is a package too, which an install script of it puts into place. */
t.setTimeout(300_000);
const root = path.resolve(import.meta.dirname, '../..');
const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const folder = await temporaryFolder();
t.teardown(() => rm(folder, { recursive: true, force: true }));

const files = {
  'package.json': JSON.stringify({
    private: true,
    type: 'module',
    scripts,
    devDependencies: { node: 'file:packages/node', tap: 'file:packages/tap' },
  }),
  '.npmrc': 'install-links=true\n',
  'careful-home/.npmrc': 'ignore-scripts=true\n',
  'packages/node/package.json': JSON.stringify({
    name: 'node',
    version: '24.0.0',
    bin: { node: 'bin/node' },
    scripts: { preinstall: 'mkdir bin && cp program bin/node' },
  }),
  'packages/node/program': `#!/bin/sh\nexec '${process.execPath}' "$@"\n`,
  'packages/tap/package.json': JSON.stringify({ name: 'tap', version: '1.0.0', bin: { tap: 'tap.js' } }),
  'packages/tap/tap.js': '#!/usr/bin/env node\n',
  'src/cli/prepare.ts': 'process.exit(0);\n',
  'src/main.ts': "process.stdout.write('the service runs on Node ' + (process.versions.node as string));\n",
  'src/server.ts': '',
};
for (const [name, content] of Object.entries(files)) {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), content, { mode: 0o755 });
}
await mkdir(path.join(folder, 'scripts'));
for (const name of ['setup.mjs', 'check-node.mjs']) {
  await copyFile(path.join(root, 'scripts', name), path.join(folder, 'scripts', name));
}

/** With the Node of the machine, which may be an old one, and without what this test was told by its own npm. */
async function npm(args: string[], env: Record<string, string> = {}) {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter((one) => !one.includes('node_modules'));
  const options = { cwd: folder, extendEnv: false, reject: false, all: true } as const;
  const given = {
    PATH: folders.join(path.delimiter),
    HOME: path.join(folder, 'home'),
    REDIS_URL: 'redis://127.0.0.1',
    ...env,
  };
  return await execa('npm', args, { ...options, env: given });
}
const forgetPackages = () => rm(path.join(folder, 'node_modules'), { recursive: true, force: true });
const runs = `the service runs on Node ${process.versions.node}`;

t.before(async () => {
  const { exitCode, all } = await npm(['install', '--package-lock-only', '--ignore-scripts']);
  if (exitCode !== 0) throw new Error(all);
});
t.beforeEach(forgetPackages);

t.test('npm start sets a fresh clone up, and runs on the Node of the packages', async (t) => {
  const { exitCode, all } = await npm(['start']);
  t.equal(exitCode, 0);
  t.match(all, runs);
});

t.test('so it does with NODE_ENV=production', async (t) => {
  const { exitCode, all } = await npm(['start'], { NODE_ENV: 'production' });
  t.equal(exitCode, 0);
  t.match(all, runs);
});

t.test('with ignore-scripts it says in a sentence what to type, and that works', async (t) => {
  const env = { HOME: path.join(folder, 'careful-home') };
  const refused = await npm(['start', '--silent'], env);
  t.equal(refused.exitCode, 1);
  t.match(refused.all, /^[^\n]*ignore-scripts[^\n]*\. Type: npm start --ignore-scripts=false$/);
  t.match((await npm(['test', '--silent'], env)).all, /\. Type: npm test --ignore-scripts=false$/);
  const setUp = await npm(['exec', '--call', 'node scripts/setup.mjs'], env);
  t.match(setUp.all, /ignore-scripts is set\. Type: npm start --ignore-scripts=false$/, 'of the set-up too');

  const { exitCode, all } = await npm(['start', '--ignore-scripts=false'], env);
  t.equal(exitCode, 0);
  t.match(all, runs);
  t.match((await npm(['start'], env)).all, runs, 'from then on it needs no more');
});

t.test('what is run before the set-up says in a sentence what to type', async (t) => {
  const { exitCode, all } = await npm(['run', '--silent', 'server']);
  t.equal(exitCode, 1);
  t.match(all, /^[^\n]*\. Type: npm ci --include=dev$/);
});
