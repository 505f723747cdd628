import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import t from 'tap';
import { claimService, findRunningService } from '../../src/start/running-service.ts';
import { temporaryFolder } from '../support/service.ts';

const dataDir = await temporaryFolder();
t.teardown(() => rm(dataDir, { recursive: true, force: true }));
const noteFile = path.join(dataDir, 'service.json');

/** A service that claims the folder at a given moment, says how that went, and runs until its input ends. */
const program = `
  import { claimService } from './src/start/running-service.ts';
  const [folder, at] = process.argv.slice(1);
  await new Promise((resolve) => setTimeout(resolve, Number(at) - Date.now()));
  console.log(await claimService(folder).then(() => 'claimed', ({ message }) => message));
  process.stdin.resume();`;

t.test('of services that start in the same moment on one data folder, one runs', async (t) => {
  // By then all of them have loaded.
  const at = String(Date.now() + 4000);
  const started = Array.from({ length: 6 }, () =>
    execa(process.execPath, ['--input-type=module-typescript', '--eval', program, dataDir, at]),
  );
  const lines = (await Promise.all(started.map(({ stdout }) => once(createInterface(stdout), 'line')))).flat();
  for (const one of started) one.stdin.end();
  await Promise.all(started);
  t.equal(lines.filter((line) => line === 'claimed').length, 1, lines.join('\n'));
  t.equal(lines.filter((line) => line?.startsWith('Sandplane is running already')).length, 5);
});

t.test('a note of a service that cannot be read is as if it were not there', async (t) => {
  for (const note of ['', '{', 'null', '{}', '[]', '123']) {
    await writeFile(noteFile, note);
    t.equal(await findRunningService(dataDir), null, note);
  }
  const claim = await claimService(dataDir);
  t.equal(JSON.parse(await readFile(noteFile, 'utf8')).pid, process.pid);
  await claim.release();
  t.equal(await findRunningService(dataDir), null);
});
