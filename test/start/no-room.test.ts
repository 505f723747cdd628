import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { makeFolders } from '../../src/start/data-folder.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

t.setTimeout(120_000);
const dir = await temporaryFolder();
const folder = path.join(dir, 'd');
await mkdir(folder);
const disk = await mountSmallDisk(path.join(dir, 'disk'), folder, 50);
t.teardown(async () => {
  await disk?.unmount();
  await rm(dir, { recursive: true, force: true });
});

t.test('a service whose disk is full says so in a sentence', { skip: !disk && 'no loop device here' }, async (t) => {
  const env = testEnvironment(folder);
  await makeFolders(loadConfig(env));
  await disk?.fill(0);
  const how = { env, reject: false } as const;
  const { exitCode, stderr } = await execa(process.execPath, ['src/main.ts'], how);
  t.equal(exitCode, 1);
  t.match(stderr, /^The machine refused: ENOSPC: no space left on device, [^\n]+$/);
});
