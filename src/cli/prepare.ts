import { parseArgs } from 'node:util';
import { defaultVersions } from '../components/catalog.ts';
import { createComponents } from '../components/components.ts';
import type { Progress } from '../components/source.ts';
import { loadConfig } from '../config.ts';
import { makeFolders } from '../data-folder.ts';
import { reportAndExit } from '../report.ts';
import { connectDocker } from '../runtime/docker-connection.ts';

const defaults = [
  `etcd@${defaultVersions.etcdVersion}`,
  `kube-apiserver@${defaultVersions.kubernetesVersion}`,
  `kubectl@${defaultVersions.kubernetesVersion}`,
];

/** `prepare [--json] [name@version ...]`: has the components there, telling how far it is. */
async function prepare(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const config = loadConfig(process.env);
  await makeFolders(config);
  const docker = config.runtime === 'process' ? null : await connectDocker(process.env);
  const components = createComponents({
    config: config.components,
    cacheDir: config.cacheDir,
    ...(docker ? { docker } : {}),
    onProgress: values.json ? printJson : printLine,
  });
  for (const wanted of positionals.length > 0 ? positionals : defaults) {
    const [name = '', version = ''] = wanted.split('@');
    const file = await components.binary(name, version);
    if (values.json) process.stdout.write(`${JSON.stringify({ component: name, version, file })}\n`);
    else process.stdout.write(`  ${name} ${version}: ${file}\n`);
  }
}

function printJson(progress: Progress): void {
  process.stdout.write(`${JSON.stringify(progress)}\n`);
}

function printLine({ component, version, source, message }: Progress): void {
  process.stdout.write(`  ${component} ${version} [${source}] ${message}\n`);
}

prepare().then(() => process.exit(), reportAndExit);
