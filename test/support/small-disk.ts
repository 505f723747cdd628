import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { diskOf } from '../../src/runtime/disk.ts';
import { until } from './until.ts';

/** Not all of what is free can be given to one file at once. */
const mostLeftByOneFileMiB = 20;
const mostTries = 10;

/** A disk of its own for a folder. */
export interface SmallDisk {
  /** Leaves at most so much of it, in MiB. */
  fill(leftMiB: number): Promise<void>;
  /** Takes back all that it was filled with. */
  makeRoom(): Promise<void>;
  unmount(): Promise<void>;
}

/** Mounts the file `image`, which is made, as the disk of a folder. Null where that is not possible. */
export async function mountSmallDisk(image: string, folder: string, sizeMiB: number): Promise<SmallDisk | null> {
  const commands = [
    ['truncate', '-s', `${sizeMiB}M`, image],
    ['mkfs.ext4', '-q', image],
    ['mount', '-o', 'loop', image, folder],
  ] as const;
  for (const [command, ...args] of commands) {
    if (!(await execa(command, args, { reject: false })).failed) continue;
    await rm(image, { force: true });
    return null;
  }
  const fillers: string[] = [];
  const newFiller = () => {
    fillers.push(path.join(folder, `filler-${fillers.length}`));
    return fillers.at(-1) ?? '';
  };

  async function fill(leftMiB: number): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const { freeForUsMiB } = await diskOf(folder);
      const size = Math.floor(freeForUsMiB - Math.max(leftMiB, mostLeftByOneFileMiB));
      if (size < 1) break;
      // Others write meanwhile, and there may be less by then.
      const { failed } = await execa('fallocate', ['-l', `${size}M`, newFiller()], { reject: tries === mostTries });
      if (!failed) break;
    }
    // To the last block: that it fails is what is wanted.
    if (leftMiB === 0) await execa('dd', ['if=/dev/zero', `of=${newFiller()}`, 'bs=4k'], { reject: false });
  }

  async function makeRoom(): Promise<void> {
    for (const name of fillers.splice(0)) await rm(name, { force: true });
  }

  // Programs that were killed just now keep it busy for a moment.
  const unmount = () => until(async () => !(await execa('umount', [folder], { reject: false })).failed);

  return { fill, makeRoom, unmount };
}
