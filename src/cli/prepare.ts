import { parseArgs } from 'node:util';
import { binaryCache } from '../components/cache.ts';
import { componentNames, defaultVersions } from '../components/catalog.ts';
import { createComponents } from '../components/components.ts';
import type { Progress } from '../components/source.ts';
import { loadConfig } from '../config/config.ts';
import { AppError } from '../errors.ts';
import { connectDocker } from '../runtime/docker-connection.ts';
import { makeFolders } from '../start/data-folder.ts';
import { runProgram } from '../start/program.ts';

/** The exit code of `--check` when one is missing: 1 is for what was told as an error. */
const missingCode = 3;

const defaults = [
  `etcd@${defaultVersions.etcdVersion}`,
  `kube-apiserver@${defaultVersions.kubernetesVersion}`,
  `kubectl@${defaultVersions.kubernetesVersion}`,
];

/**
 * `prepare [--json] [--check] [name@version ...]` obtains components and prints the progress. `--check` obtains
 * nothing, and exits with 3 when one is missing.
 */
async function prepare(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false }, check: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const config = loadConfig(process.env);
  await makeFolders(config);
  const wanted = positionals.length > 0 ? positionals : defaults;
  if (values.check) process.exit((await areCached(config.cacheDir, wanted)) ? 0 : missingCode);
  const docker = await connectDocker();
  const components = createComponents({
    config: config.components,
    cacheDir: config.cacheDir,
    ...(docker ? { docker } : {}),
    onProgress: values.json ? printJson : printLine,
  });
  for (const [name, version] of wanted.map(parse)) {
    const file = await components.binary(name, version);
    if (values.json) process.stdout.write(`${JSON.stringify({ component: name, version, file })}\n`);
    else process.stdout.write(`  ${name} ${version}: ${file}\n`);
  }
}

function parse(wanted: string): [string, string] {
  const [name = '', version = ''] = wanted.split('@');
  if ((componentNames as readonly string[]).includes(name) && /^\d+\.\d+\.\d+$/.test(version)) return [name, version];
  throw new AppError('validation_failed', `${wanted} is not name@version with a name of ${componentNames.join(', ')}`);
}

async function areCached(cacheDir: string, wanted: readonly string[]): Promise<boolean> {
  const cache = binaryCache(cacheDir);
  const found = await Promise.all(wanted.map((one) => cache.find(...parse(one))));
  return found.every((one) => one !== null);
}

function printJson(progress: Progress): void {
  process.stdout.write(`${JSON.stringify(progress)}\n`);
}

function printLine({ component, version, source, message }: Progress): void {
  process.stdout.write(`  ${component} ${version} [${source}] ${message}\n`);
}

await runProgram(prepare);
process.exit();
