import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGunzip, gzipSync } from 'node:zlib';
import t from 'tap';
import { pack } from 'tar-stream';
import { takeFromTar } from '../../src/components/take-from-tar.ts';

const dir = t.testdir();
const archive = pack();
archive.entry({ name: 'release/README' }, 'read me');
archive.entry({ name: 'release/etcd' }, 'the program');
archive.entry({ name: 'release/etcd' }, 'a second one');
archive.finalize();
const packed = gzipSync(await buffer(archive));
const take = (from: Readable, target: string) =>
  takeFromTar([from, createGunzip()], ({ name }) => name === 'release/etcd', target);

t.test('the first entry that is wanted is written, and whether there was one is told', async (t) => {
  const target = path.join(dir, 'etcd');
  t.equal(await take(Readable.from([packed]), target), true);
  t.equal(await readFile(target, 'utf8'), 'the program');
  t.equal(await takeFromTar([Readable.from([packed]), createGunzip()], () => false, target), false);
});

t.test('what fails is thrown, and ends nothing but the call', async (t) => {
  await t.rejects(take(Readable.from([packed.subarray(0, packed.length / 2)]), path.join(dir, 'cut')), {
    code: 'Z_BUF_ERROR',
  });
  await t.rejects(take(Readable.from([packed]), path.join(dir, 'no-such-folder', 'etcd')), { code: 'ENOENT' });
});
