import { homedir } from 'node:os';
import path from 'node:path';

/**
 * The platform's folder for our state or cache. Root gets the system's folders: a sandbox that runs as a user of
 * its own could not execute a binary below root's 0700 home.
 */
export function defaultFolder(kind: 'state' | 'cache', env: Readonly<Record<string, string | undefined>>): string {
  if (process.getuid?.() === 0) return kind === 'state' ? '/var/lib/sandplane' : '/var/cache/sandplane';
  if (process.platform === 'darwin') {
    return path.join(homedir(), 'Library', kind === 'state' ? 'Application Support' : 'Caches', 'sandplane');
  }
  const xdg = kind === 'state' ? env.XDG_STATE_HOME : env.XDG_CACHE_HOME;
  return path.join(xdg || path.join(homedir(), kind === 'state' ? '.local/state' : '.cache'), 'sandplane');
}

/** Where the service keeps the admin key that it made at its first start. */
export function adminKeyFile(dataDir: string): string {
  return path.join(dataDir, 'admin.key');
}
