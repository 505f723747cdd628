import { chmod, mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { takeLock } from '../file-lock.ts';
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

export type Cache = ReturnType<typeof binaryCache>;

/** Where a binary and what belongs to it are kept. */
type Entry = ReturnType<typeof entryAt>;

function entryAt(dir: string, name: string, version: string) {
  const folder = path.join(dir, `${name}-${version}`);
  return {
    folder,
    file: path.join(folder, name),
    manifest: path.join(folder, 'manifest.json'),
    /** The unfinished work of a source. */
    workDir: path.join(folder, 'work'),
    lock: path.join(folder, 'lock'),
  };
}

/**
 * The binaries in the cache folder of the service. A binary is never there in part: it is renamed to its final name after
 * its bytes are on the disk.
 */
export function binaryCache(cacheDir: string) {
  const dir = path.join(cacheDir, 'bin');

  /**
   * The binary, or null when it has to be fetched. One that is not as it was stored is renamed and counts as missing.
   */
  async function find(name: string, version: string): Promise<Cached | null> {
    return await findBinary(entryAt(dir, name, version));
  }

  /** Stores what a source has fetched to `fetched`, a path in the work folder. */
  async function store(name: string, version: string, fetched: string, source: string): Promise<Cached> {
    return await storeBinary(entryAt(dir, name, version), fetched, source);
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
    const { folder, workDir, lock } = entryAt(dir, name, version);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    // As long as another builds.
    const release = await takeLock(lock, { code: 'component_unavailable', waitMs: Number.POSITIVE_INFINITY, onWait });
    try {
      // Not before the lock is held: the process that holds it removes the folder at the end.
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
    rm(entryAt(dir, name, version).workDir, { recursive: true, force: true });

  return { find, store, exclusively, versionsOf, clearWork };
}

async function findBinary({ file, manifest: manifestFile }: Entry): Promise<Cached | null> {
  const [manifest, found] = await Promise.all([
    readManifest(manifestFile),
    // Whatever the reason, a file that cannot be read has to be fetched.
    stat(file).catch(() => null),
  ]);
  if (!manifest || !found) return null;
  // A checksum over 119 MB at each start costs too much: it is made only when size or time have changed.
  const isUnchanged = found.size === manifest.size && Math.abs(found.mtimeMs - manifest.mtimeMs) < 1;
  if (isUnchanged || (await sha256(file)) === manifest.sha256) return { file, sha256: manifest.sha256 };
  await rename(file, `${file}.damaged`);
  return null;
}

async function storeBinary({ file, manifest: manifestFile }: Entry, fetched: string, source: string): Promise<Cached> {
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
  const partial = `${manifestFile}.partial`;
  await writeFile(partial, JSON.stringify(manifest));
  await rename(partial, manifestFile);
  return { file, sha256: digest };
}

async function readManifest(file: string): Promise<Manifest | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Manifest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}
