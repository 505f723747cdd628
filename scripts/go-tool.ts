import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { loadConfig } from '../src/config/config.ts';

interface GoTool {
  /** The path of the program: the module, and the folder in it. */
  readonly module: string;
  readonly version: string;
}

/** Builds a program of a Go module into the cache folder, unless it is there. Returns its path. */
export async function goTool({ module, version }: GoTool): Promise<string> {
  const folder = path.join(loadConfig(process.env).cacheDir, 'tools', `${path.basename(module)}-${version}`);
  const program = path.join(folder, path.basename(module));
  // Whatever the reason, a program that cannot be used is built.
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
