import { chmod, mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import { sha256 } from './source-release.ts';

/** Stored beside a cached binary, to detect that the file was damaged. */
interface Manifest {
  readonly sha256: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly source: string;
}

export interface Cached {
  readonly file: string;
  readonly sha256: string;
}

export type Cache = ReturnType<typeof createCache>;

const lockStaleMs = 20_000;

/** The binaries in the cache folder of the service. */
export const binaryCache = (cacheDir: string) => createCache(path.join(cacheDir, 'bin'));

/**
 * `<dir>/<name>-<version>/` holds the binary, its manifest and the unfinished work of a source. A binary is never there
 * in part: it is renamed to its place after its bytes are on the disk.
 */
function createCache(dir: string) {
  const folderOf = (name: string, version: string) => path.join(dir, `${name}-${version}`);
  const manifestOf = (name: string, version: string) => path.join(folderOf(name, version), 'manifest.json');

  /**
   * The binary, or null when it has to be fetched. One that is not as it was stored is renamed and counts as missing.
   */
  async function find(name: string, version: string): Promise<Cached | null> {
    const file = path.join(folderOf(name, version), name);
    const [manifest, found] = await Promise.all([
      readManifest(manifestOf(name, version)),
      // Whatever the reason, a file that cannot be looked at has to be fetched.
      stat(file).catch(() => null),
    ]);
    if (!manifest || !found) return null;
    // A checksum over 119 MB at each start costs too much: it is made only when size or time have changed.
    const looksSame = found.size === manifest.size && Math.abs(found.mtimeMs - manifest.mtimeMs) < 1;
    if (looksSame || (await sha256(file)) === manifest.sha256) return { file, sha256: manifest.sha256 };
    await rename(file, `${file}.damaged`);
    return null;
  }

  /** Stores what a source has fetched to `fetched`, a path in the work folder. */
  async function store(name: string, version: string, fetched: string, source: string): Promise<Cached> {
    const file = path.join(folderOf(name, version), name);
    await chmod(fetched, 0o755);
    const handle = await open(fetched, 'r');
    await handle.sync();
    await handle.close();
    const digest = await sha256(fetched);
    await rename(fetched, file);
    // Whole seconds, as some file systems and copies keep no more.
    const when = new Date(Math.floor(Date.now() / 1000) * 1000);
    await utimes(file, when, when);
    const { size, mtimeMs } = await stat(file);
    const manifest: Manifest = { sha256: digest, size, mtimeMs, source };
    const partial = `${manifestOf(name, version)}.partial`;
    await writeFile(partial, JSON.stringify(manifest));
    await rename(partial, manifestOf(name, version));
    return { file, sha256: digest };
  }

  /**
   * Runs `work` while no other process works on this component. It gets a work folder, which stays when `work` fails,
   * so that the next try can go on from there. `onWait` is called when another process has the lock.
   */
  async function exclusively<Result>(
    name: string,
    version: string,
    onWait: () => void,
    work: (workDir: string) => Promise<Result>,
  ): Promise<Result> {
    const folder = folderOf(name, version);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const release = await lock(folder, onWait);
    try {
      // Not before the lock is held: the process that holds it removes the folder at the end.
      const workDir = path.join(folder, 'work');
      await mkdir(workDir, { recursive: true, mode: 0o755 });
      return await work(workDir);
    } finally {
      await release();
    }
  }

  async function versionsOf(name: string): Promise<string[]> {
    // Before the first fetch there is no folder, and so no version.
    const entries = await readdir(dir).catch(() => []);
    return entries.filter((entry) => entry.startsWith(`${name}-`)).map((entry) => entry.slice(name.length + 1));
  }

  const clearWork = (name: string, version: string) =>
    rm(path.join(folderOf(name, version), 'work'), { recursive: true, force: true });

  return { find, store, exclusively, versionsOf, clearWork };
}

/** The lock of a process that died is taken over 20 s after it was last renewed. */
async function lock(folder: string, onWait: () => void): Promise<() => Promise<void>> {
  const options = { stale: lockStaleMs, update: lockStaleMs / 4, realpath: false };
  try {
    return await lockfile.lock(folder, options);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ELOCKED') throw error;
    onWait();
    return await lockfile.lock(folder, {
      ...options,
      retries: { forever: true, factor: 1, minTimeout: 500, maxTimeout: 500 },
    });
  }
}

async function readManifest(file: string): Promise<Manifest | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}
