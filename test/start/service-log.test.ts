import { readdir, readFile, rm } from 'node:fs/promises';
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
