import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';

const root = path.resolve(import.meta.dirname, '../..');
const tap = "import t from 'tap';\n";
const good = `${tap}t.test('a', async (t) => { t.ok(true); t.test('b', async (t) => { t.ok(true); }); });`;
const bad = `${tap}t.test('a', async (t) => { t.ok(true); t.ok(false); });`;
const endsEarly = `${tap}t.ok(true);\nprocess.exit(7);`;
const flaky = `${tap}import { existsSync, writeFileSync } from 'node:fs';
const isSecond = existsSync('first');
writeFileSync('first', '');
t.test('a', async (t) => { t.ok(true); t.ok(isSecond); t.ok(true); });`;

// Each run of tap takes seconds, and more when others run.
t.setTimeout(300_000);

/** Runs the script in a folder with these test files and nothing else. */
async function runIn(folder: string) {
  // What this test was told by its own tap is not for that of the folder.
  const { PATH = '', HOME = '' } = process.env;
  const script = path.join(root, 'scripts/run-tests.ts');
  const { exitCode, stdout } = await execa(process.execPath, [script], {
    cwd: folder,
    env: { PATH, HOME, CI: 'true' },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  return { exitCode, last: stdout.split('\n').filter((line) => /^(FLAKY|tests|the tests)\b/.test(line)) };
}

async function filesOf(test: Record<string, string>) {
  return { '.taprc': await readFile(path.join(root, '.taprc'), 'utf8'), 'package.json': '{"type":"module"}', test };
}

t.test('a file that passes when it is run again is flaky, and counts with its second run', async (t) => {
  const folder = t.testdir(await filesOf({ 'good.test.ts': good, 'flaky.test.ts': flaky }));
  t.strictSame(await runIn(folder), {
    exitCode: 0,
    last: ['FLAKY: test/flaky.test.ts', 'tests: 5 passed, 0 failed, 1 flaky'],
  });
});

t.test('a file that fails twice fails the run, also by its exit code alone', async (t) => {
  const folder = t.testdir(
    await filesOf({ 'good.test.ts': good, 'bad.test.ts': bad, 'ends-early.test.ts': endsEarly }),
  );
  t.strictSame(await runIn(folder), { exitCode: 1, last: ['tests: 4 passed, 2 failed'] });
});

t.test('a run without tests has failed', async (t) => {
  const { exitCode, last } = await runIn(t.testdir(await filesOf({})));
  t.equal(exitCode, 1);
  t.equal(last.at(-1), 'tests: 0 passed, 1 failed');
});
