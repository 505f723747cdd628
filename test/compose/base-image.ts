import { cp, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { exists } from '../../src/runtime/process-folder.ts';

/** Node and the production packages, as `npm ci --omit=dev --ignore-scripts` leaves them behind. */
export async function makeNodeBase(reference: string): Promise<void> {
  await importImage(reference, async (root) => {
    await placeProgram(root, '/bin/sh', await whichProgram('sh'));
    await placeProgram(root, '/usr/local/bin/node', process.execPath);
    await mkdir(path.join(root, 'app'));
    await execa('cp', ['-a', '--parents', ...(await productionPackages()), path.join(root, 'app')]);
  });
}

export async function makeRedisBase(reference: string): Promise<void> {
  await importImage(reference, async (root) => {
    for (const name of ['redis-server', 'redis-cli'])
      await placeProgram(root, `/usr/local/bin/${name}`, await whichProgram(name));
  });
}

/** An image of what `fill` puts into its root: there may be no registry to pull a base from. */
async function importImage(reference: string, fill: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'sp-image-'));
  try {
    await fill(root);
    await mkdir(path.join(root, 'tmp'), { mode: 0o1777 });
    // Hundreds of megabytes: passed on, not kept.
    await execa('tar', ['-C', root, '-c', '.'], { buffer: false }).pipe('docker', ['import', '-', reference]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** A program of this machine and the libraries it loads. */
async function placeProgram(root: string, target: string, source: string): Promise<void> {
  const { stdout } = await execa('ldd', [source], { reject: false });
  const libraries = [...stdout.matchAll(/(\/\S+\.so[^\s)]*)/g)].map((match) => match[1] as string);
  for (const [to, from] of [[target, source], ...libraries.map((file) => [file, file])] as [string, string][]) {
    await mkdir(path.join(root, path.dirname(to)), { recursive: true });
    await cp(await realpath(from), path.join(root, to));
  }
}

async function whichProgram(name: string): Promise<string> {
  const { stdout } = await execa('sh', ['-c', `command -v ${name}`]);
  return await realpath(stdout);
}

/** Folders of the packages that the lock file has for production; nested ones come along with their parent. */
async function productionPackages(): Promise<string[]> {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  const folders = Object.entries(lock.packages)
    .filter(([folder, { dev }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(folder) && !dev)
    .map(([folder]) => folder);
  const here = await Promise.all(folders.map(exists));
  // Optional packages of other platforms are not.
  return folders.filter((_, i) => here[i]);
}
