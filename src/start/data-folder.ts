import { access, constants, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors.ts';

/**
 * Makes the data and cache folders. As root, sandboxes are users of their own: they must be able to pass through to
 * their folder and to the binaries. Throws `config_invalid` when a parent is closed to them.
 */
export async function makeFolders(config: Pick<Config, 'dataDir' | 'cacheDir'>): Promise<void> {
  await makeFolder('SANDPLANE_DATA_DIR', config.dataDir, 0o711);
  await makeFolder('SANDPLANE_CACHE_DIR', config.cacheDir, 0o755);
}

async function makeFolder(setting: string, dir: string, mode: number): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode });
    await access(dir, constants.W_OK);
  } catch (cause) {
    const detail = `${dir} cannot be written (${(cause as Error).message}). Set ${setting} to another folder.`;
    throw new AppError('config_invalid', detail, { cause });
  }
  if (process.getuid?.() !== 0) return;
  for (let parent = dir; parent !== path.dirname(parent); parent = path.dirname(parent)) {
    if (((await stat(parent)).mode & 0o001) === 0) {
      const detail = `${parent} is closed to other users, and sandboxes run as users of their own. Open it (chmod o+x), or set ${setting} to another folder.`;
      throw new AppError('config_invalid', detail);
    }
  }
}
