import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { diskOf } from '../../src/runtime/disk.ts';
import type { Cleanup } from '../cleanup.ts';

const sizeMiB = 700;
/** Not all of what is free can be given to one file at once. */
const restMiB = 20;

export interface SmallDisk {
  /** To the last block. */
  fill(): Promise<void>;
  free(): Promise<void>;
}

/** Makes a disk of its own for a folder: a file that is mounted there. Null where that is not possible. */
export async function mountSmallDisk(folder: string, image: string, cleanup: Cleanup): Promise<SmallDisk | null> {
  await mkdir(folder);
  const commands = [
    ['truncate', '-s', `${sizeMiB}M`, image],
    ['mkfs.ext4', '-q', image],
    ['mount', '-o', 'loop', image, folder],
  ] as const;
  for (const [command, ...args] of commands) {
    if ((await execa(command, args, { reject: false })).failed) return null;
  }
  // As soon as nothing uses it any more: what was left running is ended after this.
  cleanup.add(async () => void (await execa('umount', ['--lazy', folder])));
  const [most, last] = [path.join(folder, 'filler'), path.join(folder, 'filler-last')];
  return {
    async fill() {
      const { freeForUsMiB } = await diskOf(folder);
      await execa('fallocate', ['-l', `${Math.floor(freeForUsMiB - restMiB)}M`, most]);
      // That it fails is what is wanted.
      await execa('dd', ['if=/dev/zero', `of=${last}`, 'bs=4k'], { reject: false });
    },
    free: async () => void (await Promise.all([most, last].map((file) => rm(file, { force: true })))),
  };
}
