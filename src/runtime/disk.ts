import { statfs } from 'node:fs/promises';

const bytesPerMiB = 1024 * 1024;
const untoldMiB = 1e9;

/** The file system that a folder is on, in MiB. */
export interface Disk {
  readonly totalMiB: number;
  /** What any user may write. */
  readonly freeMiB: number;
  /** What this process may write: file systems keep some blocks for root. */
  readonly freeForUsMiB: number;
}

export async function diskOf(folder: string): Promise<Disk> {
  const { blocks, bavail, bfree, bsize } = await statfs(folder);
  // Some file systems do not tell.
  if (blocks === 0) return { totalMiB: untoldMiB, freeMiB: untoldMiB, freeForUsMiB: untoldMiB };
  const inMiB = (count: number) => (count * bsize) / bytesPerMiB;
  const ours = process.getuid?.() === 0 ? bfree : bavail;
  return { totalMiB: inMiB(blocks), freeMiB: inMiB(bavail), freeForUsMiB: inMiB(ours) };
}
