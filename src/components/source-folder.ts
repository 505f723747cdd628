import { copyFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { Source } from './source.ts';

/** Binaries of the user: `<folder>/<name>-<version>` or `<folder>/<name>`, if `--version` prints the wanted version. */
export function folderSource(folder: string | undefined): Source {
  return {
    name: 'folder',
    async fetch({ name, version, workDir }) {
      if (!folder) throw new Error('SANDPLANE_COMPONENTS_DIR is not set');
      const candidates = [path.join(folder, `${name}-${version}`), path.join(folder, name)];
      const refusals: string[] = [];
      for (const candidate of candidates) {
        const refusal = await refusalOf(candidate, version, name);
        if (refusal === null) {
          const target = path.join(workDir, name);
          await copyFile(candidate, target);
          return target;
        }
        refusals.push(refusal);
      }
      throw new Error(refusals.join('; '));
    },
  };
}

/** Null when the file is the wanted program in the wanted version, else why it is not. */
async function refusalOf(file: string, version: string, name: string): Promise<string | null> {
  // Whatever the reason, a file that cannot be read does not count.
  if (!(await stat(file).catch(() => null))?.isFile()) return `there is no ${file}`;
  const args = name === 'kubectl' ? ['version', '--client'] : ['--version'];
  const { stdout, exitCode, shortMessage } = await execa(file, args, { reject: false, timeout: 20_000 });
  if (exitCode !== 0) return `${file} does not tell its version: ${shortMessage}`;
  const said = /v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  return said === version ? null : `${file} is version ${said ?? 'unknown'}`;
}
