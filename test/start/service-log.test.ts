import { mkdir, open, readdir, readFile, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { createLogger } from '../../src/logger.ts';
import { openServiceLog } from '../../src/start/service-log.ts';
import { temporaryFolder } from '../support/service.ts';
import { until } from '../support/until.ts';

const dataDir = await temporaryFolder();
t.teardown(() => rm(dataDir, { recursive: true, force: true }));

interface Line {
  readonly number: number;
}
const linesOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
const files = async () =>
  (await readdir(path.join(dataDir, 'logs'))).filter((name) => /^service\.\d+\.log$/.test(name));

t.test('a log that grows begins new files while it is open, and the last two are kept', async (t) => {
  const { destination, file } = await openServiceLog(dataDir, '1k');
  t.teardown(() => destination.end());
  const logger = createLogger('info', destination);
  for (let number = 1; number <= 100; number += 1) {
    logger.info({ number }, 'a line');
    await new Promise(setImmediate);
  }
  t.equal(linesOf(await readFile(file, 'utf8')).at(-1)?.number, 100, 'the named file is the present one');
  await until(async () => (await files()).length <= 2);
  const kept = await Promise.all((await files()).map((name) => readFile(path.join(dataDir, 'logs', name), 'utf8')));
  const numbers = kept.flatMap((text) => linesOf(text).map(({ number }) => number)).sort((a, b) => a - b);
  t.ok(numbers.length > 10);
  t.same(
    numbers,
    Array.from(numbers, (_, index) => 101 - numbers.length + index),
    'no line is missing in between',
  );
});

t.test('what is logged last is there when the process ends at once, and a new one goes on', async (t) => {
  const source = `
    const { openServiceLog } = await import('./src/start/service-log.ts');
    const { createLogger } = await import('./src/logger.ts');
    const { destination } = await openServiceLog(process.argv[1]);
    createLogger('info', destination).info({ number: 101 }, 'the last');
    process.kill(process.pid, 'SIGKILL');`;
  await execa(process.execPath, ['--input-type=module', '-e', source, dataDir], { reject: false });
  t.equal(linesOf(await readFile(path.join(dataDir, 'logs', 'current.log'), 'utf8')).at(-1)?.number, 101);
  t.ok((await files()).length <= 2);
});

// A device that is always full, of Linux (full(4)).
const full = '/dev/full';
const options = process.platform === 'linux' ? {} : { skip: 'there is no /dev/full' };

for (const [where, given] of [
  ['in its file', `(await openServiceLog(process.argv[1])).destination`],
  ['on stdout', 'undefined'],
] as const) {
  t.test(`a log that cannot be written ${where} stops neither the service nor its exit`, options, async (t) => {
    const folder = await temporaryFolder();
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    await mkdir(path.join(folder, 'logs'));
    await symlink(full, path.join(folder, 'logs', 'service.1.log'));
    const source = `
      const { openServiceLog } = await import('./src/start/service-log.ts');
      const { createLogger } = await import('./src/logger.ts');
      const logger = createLogger('info', ${given});
      for (let line = 0; line < 10_000; line += 1) logger.info({ line }, 'lost');
      await new Promise((resolve) => setTimeout(resolve, 100));
      logger.fatal('lost');
      process.stderr.write('goes on');
      process.exit(7);`;
    const stdout = await open(full, 'w');
    const run = [process.execPath, ['--input-type=module', '-e', source, folder]] as const;
    const { exitCode, stderr } = await execa(...run, { reject: false, stdout: stdout.fd as 1, timeout: 20_000 });
    await stdout.close();
    t.match(stderr, 'goes on');
    t.equal(exitCode, 7);
  });
}
