// Behind the `pre` hooks: brings everything that `npm start` and `npm test` need, on any Node from 20 on and without a
// dependency. Each step says what it does; cut off anywhere, the next run goes on from there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));
const stamp = path.join(root, 'node_modules', '.sandplane-installed');
const node24 = path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');

checkNode();
installPackages();
ensureRedis();
ensureBinaries();

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) fail(`Node 20 or newer is needed, this is ${process.versions.node}. See nodejs.org/en/download`);
}

/** The locked packages, Node 24 among them: all else runs on it. */
function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock && existsSync(node24)) return;
  say('Installing the locked packages (once, about a minute)');
  // With those for development, of which Node 24 is one: NODE_ENV=production would leave them out.
  const args = ['ci', '--include=dev', '--no-fund', '--no-audit', '--loglevel=error'];
  // As a `pre` hook this runs only where npm was told to run scripts, which a setting in .npmrc would take back for this one.
  if (process.env.npm_lifecycle_event?.startsWith('pre')) args.push('--ignore-scripts=false');
  run('npm', args, 'The packages could not be installed; npm tells why above.');
  if (!existsSync(node24)) {
    fail('npm has not set up Node 24, as ignore-scripts is set. Type: npm start --ignore-scripts=false');
  }
  // tap is told once which of its plugins to use: the types are stripped by Node itself.
  run(node24, [path.join(root, 'node_modules', '.bin', 'tap'), 'build'], 'The test runner could not be set up.');
  writeFileSync(stamp, lock);
}

function ensureRedis() {
  if (process.env.REDIS_URL || has('redis-server')) return;
  const root = process.getuid?.() === 0;
  if (!root || !has('apt-get')) {
    const command = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install -y redis-server';
    fail(`redis-server is missing. Type: ${command}   (or set REDIS_URL)`);
  }
  say('Installing redis-server by apt-get (once, some seconds)');
  // A machine that was just made may be installing its updates.
  const patient = ['-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
  spawnSync('apt-get', [...patient, 'update'], { stdio: 'inherit' });
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run(
    'apt-get',
    [...patient, 'install', '-y', '--no-install-recommends', 'redis-server'],
    'redis-server could not be installed.',
    env,
  );
}

/** etcd, kube-apiserver and kubectl of the default versions: from the cache, or by what the README tells of sources. */
function ensureBinaries() {
  if (isPrepared()) return;
  say(
    'Getting etcd, kube-apiserver and kubectl (once; seconds from a release or an image, 5 to 15 minutes by a build)',
  );
  run(node24, [path.join(root, 'src', 'cli', 'prepare.ts')], 'The Kubernetes binaries could not be had.');
}

/** Asked in a process of its own, as the answer takes code that needs Node 24. */
function isPrepared() {
  const args = [path.join(root, 'src', 'cli', 'prepare.ts'), '--check'];
  const { status } = spawnSync(node24, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  // It has told what is wrong, as with a setting: nothing can be had then.
  if (status !== 0 && status !== 3) process.exit(1);
  return status === 0;
}

function has(program) {
  const finder = process.platform === 'win32' ? 'where' : 'which';
  return spawnSync(finder, [program], { stdio: 'ignore' }).status === 0;
}

function run(command, args, failure, env = process.env) {
  const started = Date.now();
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (signal) process.exit(130);
  if (error || status !== 0) fail(error ? `${failure} (${error.message})` : failure);
  say(`  done in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
