import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { takeLock } from '../src/file-lock.ts';
import { temporaryFolder } from './support/service.ts';

t.setTimeout(120_000);
const atOnce = { code: 'conflict', waitMs: 0 } as const;

function spawnHolder(...args: string[]) {
  const program = path.join(import.meta.dirname, 'support/lock-holder.ts');
  return spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

t.test('the lock of a process that was killed is free at once', async (t) => {
  const dir = await temporaryFolder();
  const file = path.join(dir, 'lock');
  const holder = spawnHolder('hold', file);
  t.teardown(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  await t.rejects(takeLock(file, atOnce), { code: 'conflict', message: new RegExp(file) }, 'it is held');
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
  const release = await takeLock(file, atOnce);
  await release();
  t.same(await readdir(dir), [], 'no file is left of it');
});

t.test('of many processes one at a time has it', async (t) => {
  const dir = await temporaryFolder();
  const [lock, file] = [path.join(dir, 'lock'), path.join(dir, 'count')];
  await writeFile(file, '0');
  const [processes, times] = [4, 100];
  const holders = Array.from({ length: processes }, () => spawnHolder('count', lock, file, String(times)));
  for (const holder of holders) t.teardown(() => holder.kill('SIGKILL'));
  const codes = await Promise.all(holders.map(async (holder) => (await once(holder, 'exit'))[0] as number));
  t.same(codes, [0, 0, 0, 0]);
  t.equal(await readFile(file, 'utf8'), String(processes * times), 'none has read what another was about to change');
});

t.test('within one process it is exclusive too, and who waits is told so once', async (t) => {
  const file = path.join(await temporaryFolder(), 'lock');
  const release = await takeLock(file, atOnce);
  let waits = 0;
  const isWaiting = Promise.withResolvers<void>();
  const second = takeLock(file, {
    code: 'conflict',
    waitMs: 60_000,
    onWait() {
      waits += 1;
      isWaiting.resolve();
    },
  });
  await isWaiting.promise;
  await release();
  await (await second)();
  t.equal(waits, 1);
});
