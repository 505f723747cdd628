import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { takeLock } from '../../src/file-lock.ts';

/** Runs `work` while no other test process runs its own for this folder. */
export async function exclusively<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(path.dirname(folder), { recursive: true });
  const release = await takeLock(`${folder}.lock`, { code: 'conflict', waitMs: Number.POSITIVE_INFINITY });
  return await work().finally(release);
}
