import { mkdir } from 'node:fs/promises';
import lockfile from 'proper-lockfile';

/** Runs `work` while no other test process runs its own for this folder. */
export async function exclusively<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(folder, { recursive: true });
  const retries = { forever: true, factor: 1, minTimeout: 100, maxTimeout: 100 };
  const release = await lockfile.lock(folder, { stale: 20_000, retries });
  return await work().finally(release);
}
