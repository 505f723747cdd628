import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { loadConfig } from '../src/config/config.ts';

interface GoTool {
  /** The module and, behind it, the folder of the program in it. */
  readonly module: string;
  readonly version: string;
}

/** A program of a Go module, built once into the cache folder. Returns its path. */
export async function goTool({ module, version }: GoTool): Promise<string> {
  const folder = path.join(loadConfig(process.env).cacheDir, 'tools', `${path.basename(module)}-${version}`);
  const program = path.join(folder, path.basename(module));
  const isThere = await access(program).then(
    () => true,
    () => false,
  );
  if (isThere) return program;
  process.stderr.write(`building ${module} ${version} (once, one to two minutes)\n`);
  await mkdir(folder, { recursive: true });
  const env = { CGO_ENABLED: '0', GOBIN: folder, GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local', GOWORK: 'off' };
  await execa('go', ['install', `${module}@v${version}`], { env, cwd: folder });
  return program;
}
