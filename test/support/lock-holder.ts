import { readFile, writeFile } from 'node:fs/promises';
import { takeLock } from '../../src/file-lock.ts';

/**
 * A process that takes a lock. `hold`: says so and keeps it until it is killed. `count`: adds one to the number in a file,
 * again and again, each time with the lock.
 */
const [task, lock = '', file = '', times = '0'] = process.argv.slice(2);
const take = async () => await takeLock(lock, { code: 'conflict', waitMs: 120_000 });

if (task === 'hold') {
  await take();
  process.stdout.write('held\n');
  setInterval(() => undefined, 1000);
} else {
  for (let i = 0; i < Number(times); i += 1) {
    const release = await take();
    await writeFile(file, String(Number(await readFile(file, 'utf8')) + 1));
    await release();
  }
}
