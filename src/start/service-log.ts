import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import roll from 'pino-roll';
import { lossy, mostUnwrittenBytes } from '../logger.ts';

/**
 * Opens the log of the service in its data folder. A file that has grown to `size` is followed by a new one while the
 * service runs, and the last two are kept. `file` is a link to the present one.
 */
export async function openServiceLog(dataDir: string, size = '10m') {
  const folder = path.join(dataDir, 'logs');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const destination = await roll({
    file: path.join(folder, 'service.log'),
    size,
    limit: { count: 2, removeOtherLogFiles: true },
    symlink: true,
    // Written synchronously: no line is lost, however the process ends.
    sync: true,
    maxLength: mostUnwrittenBytes,
  });
  return { destination: lossy(destination), file: path.join(folder, 'current.log') };
}
