// Loaded before the programs that npm runs, on any Node from 20 on: on one that cannot run them it says what to type, where
// Node itself would end with an error about a file.
import { existsSync } from 'node:fs';

const needed = 24;
const { npm_config_ignore_scripts: ignoreScripts, npm_lifecycle_event: script } = process.env;

const isOld = Number(process.versions.node.split('.')[0]) < needed;
const isInstalled = existsSync(new URL('../node_modules', import.meta.url));
if (isOld || !isInstalled) {
  const missing = isOld
    ? `Node ${needed}, which the packages bring along, is needed, and this is ${process.versions.node}`
    : 'The packages are not installed';
  const why = ignoreScripts === 'true' ? ', as ignore-scripts keeps npm from setting it up' : '';
  const setUp = ['start', 'test'].includes(script) ? `npm ${script}` : 'npm ci --include=dev';
  const remedy = ignoreScripts === 'true' ? `${setUp} --ignore-scripts=false` : setUp;
  process.stderr.write(`${missing}${why}. Type: ${remedy}\n`);
  process.exit(1);
}
