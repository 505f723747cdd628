import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/**
 * A virtual environment with what the requirements file names, made at the first use and kept in `cacheDir` under a name
 * that follows from the file. Returns the path of its `schemathesis`.
 */
export async function makeEnvironment(cacheDir: string, requirements: string): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const folder = path.join(cacheDir, `venv-${hash.slice(0, 12)}`);
  const program = path.join(folder, 'bin', 'schemathesis');
  const marker = path.join(folder, 'complete');
  if (await exists(marker)) return program;
  process.stdout.write(`Installing Schemathesis in ${folder}\n`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(cacheDir, { recursive: true });
  await execa('python3', ['-m', 'venv', folder], { stderr: 'inherit' });
  const pip = path.join(folder, 'bin', 'pip');
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-input'];
  await execa(pip, ['install', ...quiet, '--requirement', requirements], { stderr: 'inherit' });
  await execa(program, ['--version']);
  await mkdir(marker);
  return program;
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
