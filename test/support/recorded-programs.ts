import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/**
 * Programs in front of those of the same names, which they start: what each was given, arguments and environment, is noted
 * first, however soon it ends. They count where `folder` comes first in PATH.
 */
export async function recordPrograms(folder: string, names: readonly string[]) {
  await mkdir(folder);
  const noteOf = (name: string) => path.join(folder, `${name}.given`);
  for (const name of names) {
    const { stdout: real } = await execa('which', [name]);
    const file = path.join(folder, name);
    const script = `#!/bin/sh\n{ echo "arguments: $*"; export -p; } >> '${noteOf(name)}'\nexec '${real}' "$@"\n`;
    await writeFile(file, script);
    await chmod(file, 0o755);
  }
  return { given: async (name: string) => await readFile(noteOf(name), 'utf8') };
}
