import { cp, mkdir, mkdtemp, readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

/**
 * An image out of programs of this machine and the libraries they load: there may be no registry to pull a base from.
 * `more` maps folders of this machine to their place in the image.
 */
export async function imageOfPrograms(
  reference: string,
  programs: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'sp-image-'));
  try {
    for (const [target, source] of Object.entries(programs)) {
      await place(root, source, target);
      for (const library of await librariesOf(source)) await place(root, library, library);
    }
    for (const [source, target] of Object.entries(more)) {
      await mkdir(path.join(root, path.dirname(target)), { recursive: true });
      await execa('cp', ['-a', source, path.join(root, target)]);
    }
    await mkdir(path.join(root, 'tmp'), { mode: 0o1777 });
    await execa('sh', ['-c', `tar -C '${root}' -c . | docker import - '${reference}'`]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function place(root: string, source: string, target: string): Promise<void> {
  await mkdir(path.join(root, path.dirname(target)), { recursive: true });
  await cp(await realpath(source), path.join(root, target));
}

async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await execa('ldd', [await realpath(program)], { reject: false });
  return [...stdout.matchAll(/(\/\S+\.so[^\s)]*)/g)].map((match) => match[1] as string);
}

/** Where a program of the PATH really is. */
export async function whichProgram(name: string): Promise<string> {
  const { stdout } = await execa('sh', ['-c', `command -v ${name}`]);
  return await readlink(stdout).then(
    (target) => path.resolve(path.dirname(stdout), target),
    () => stdout,
  );
}
