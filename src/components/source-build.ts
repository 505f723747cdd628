import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { lockedVersions } from './catalog.ts';
import type { Source, Wanted } from './source.ts';

const locksDir = path.join(import.meta.dirname, 'locks');

/**
 * Builds from the Go modules. `go install` cannot build `k8s.io/kubernetes`, as its go.mod replaces the staging modules
 * by local folders. A wrapper module requires it and replaces them by their published versions. go.mod and go.sum of
 * the wrapper are in `locks/` for the locked versions, and are made for all others.
 */
export function buildSource(): Source {
  return {
    name: 'build',
    async fetch(wanted) {
      const goVersion = await findGo();
      const moduleDir = await wrapperModule(wanted, goVersion);
      wanted.tell(`building with ${goVersion}; the first build of a version takes ${expectation(wanted.name)}`);
      const target = path.join(wanted.workDir, wanted.name);
      await goBuild(wanted, moduleDir, target);
      return target;
    },
  };
}

function expectation(name: string): string {
  return name === 'kube-apiserver' ? '5 to 10 minutes on two cores' : 'one to four minutes on two cores';
}

const goEnvironment = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-buildvcs=false', GOWORK: 'off' };

async function go(args: readonly string[], cwd: string) {
  return await execa('go', args, { cwd, env: goEnvironment });
}

async function findGo(): Promise<string> {
  try {
    return (await go(['env', 'GOVERSION'], locksDir)).stdout.trim();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
    const command = process.platform === 'darwin' ? 'brew install go' : 'sudo apt-get install golang-go';
    throw new Error(`Go is missing; type: ${command}   (or see go.dev/doc/install)`, { cause: error });
  }
}

/** Returns a folder with go.mod and go.sum to build in. */
async function wrapperModule(wanted: Wanted, goVersion: string): Promise<string> {
  const { name, version, workDir } = wanted;
  const dir = path.join(workDir, 'module');
  await mkdir(dir, { recursive: true });
  const lock = path.join(locksDir, name === 'etcd' ? `etcd-${version}` : `kubernetes-${version}`);
  // Only locked versions have a folder.
  const locked = await readdir(lock).catch(() => []);
  if (locked.length > 0) {
    for (const file of locked) await copyFile(path.join(lock, file), path.join(dir, file));
  } else {
    wanted.tell('looking up the modules of a version without a lock');
    await (name === 'etcd' ? generateEtcd(wanted, dir) : generateKubernetes(wanted, dir));
  }
  await checkGo(path.join(dir, 'go.mod'), goVersion);
  if (locked.length === 0) await goOrReason(['mod', 'tidy'], dir);
  return dir;
}

/** With GOTOOLCHAIN=local, Go refuses modules that need a newer Go. Throws before that, saying what to do. */
async function checkGo(modFile: string, goVersion: string): Promise<void> {
  const needed = await goLine(modFile);
  const have = goVersion.replace(/^go/, '');
  if (compareVersions(have, needed) >= 0) return;
  const buildable: string[] = [];
  for (const { kubernetesVersion } of lockedVersions) {
    const line = await goLine(path.join(locksDir, `kubernetes-${kubernetesVersion}`, 'go.mod'));
    if (compareVersions(have, line) >= 0) buildable.push(kubernetesVersion);
  }
  const hint = buildable[0]
    ? `The newest Kubernetes that this Go builds is ${buildable[0]}.`
    : 'It builds none of the locked versions.';
  throw new Error(`it needs Go ${needed}, and this is Go ${have}. Install a newer Go. ${hint}`);
}

async function goLine(modFile: string): Promise<string> {
  return /^go (\S+)$/m.exec(await readFile(modFile, 'utf8'))?.[1] ?? '0';
}

function compareVersions(a: string, b: string): number {
  const numbers = (text: string) => text.split(/[.-]|rc|beta/).map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Makes the wrapper of a Kubernetes version: its `go` line and staging modules are taken from the go.mod of Kubernetes.
 */
async function generateKubernetes({ version }: Wanted, dir: string): Promise<void> {
  await writeFile(path.join(dir, 'go.mod'), 'module sandplane.local/kubernetes\n');
  const { stdout } = await goOrReason(['mod', 'download', '-json', `k8s.io/kubernetes@v${version}`], dir);
  const upstream = await readFile((JSON.parse(stdout) as { GoMod: string }).GoMod, 'utf8');
  const staging = [...upstream.matchAll(/^\s*(k8s\.io\/[a-z-]+) => \.\/staging/gm)].map((match) => match[1]);
  const stagingVersion = `v0.${version.slice('1.'.length)}`;
  const lines = [
    'module sandplane.local/kubernetes',
    ...[...upstream.matchAll(/^(?:go|godebug) .*$/gm)].map((match) => match[0]),
    `require k8s.io/kubernetes v${version}`,
    ...staging.map((module) => `replace ${module} => ${module} ${stagingVersion}`),
  ];
  await writeFile(path.join(dir, 'go.mod'), `${lines.join('\n\n')}\n`);
  const programs = ['kube-apiserver', 'kube-controller-manager', 'kubectl'];
  await writeTools(
    dir,
    programs.map((program) => `k8s.io/kubernetes/cmd/${program}`),
  );
}

async function generateEtcd({ version }: Wanted, dir: string): Promise<void> {
  await writeFile(path.join(dir, 'go.mod'), 'module sandplane.local/etcd\n');
  const { stdout } = await goOrReason(['mod', 'download', '-json', `go.etcd.io/etcd/server/v3@v${version}`], dir);
  const line = await goLine((JSON.parse(stdout) as { GoMod: string }).GoMod);
  const text = `module sandplane.local/etcd\n\ngo ${line}\n\nrequire go.etcd.io/etcd/server/v3 v${version}\n`;
  await writeFile(path.join(dir, 'go.mod'), text);
  await writeTools(dir, ['go.etcd.io/etcd/server/v3']);
}

async function writeTools(dir: string, packages: readonly string[]): Promise<void> {
  const imports = packages.map((name) => `\t_ "${name}"`).join('\n');
  await writeFile(path.join(dir, 'tools.go'), `//go:build tools\n\npackage tools\n\nimport (\n${imports}\n)\n`);
}

async function goOrReason(args: readonly string[], cwd: string) {
  try {
    return await go(args, cwd);
  } catch (error) {
    // `go mod download -json` writes the reason to its output.
    const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
    const told = /"Error": "(.*)"/.exec(stdout)?.[1] ?? stderr.split('\n').filter(Boolean).at(-1);
    throw new Error(`go ${args.slice(0, 2).join(' ')}: ${told ?? message}`, { cause: error });
  }
}

async function goBuild({ name, version, tell }: Wanted, cwd: string, target: string): Promise<void> {
  const [major = '1', minor = '0'] = version.split('.');
  const stamp = name === 'etcd' ? [] : versionFlags({ gitVersion: `v${version}`, gitMajor: major, gitMinor: minor });
  const source = name === 'etcd' ? 'go.etcd.io/etcd/server/v3' : `k8s.io/kubernetes/cmd/${name}`;
  const ldflags = ['-s', '-w', ...stamp].join(' ');
  const args = ['build', '-v', '-trimpath', '-mod=readonly', '-ldflags', ldflags, '-o', target, source];
  const child = execa('go', args, { cwd, env: goEnvironment, buffer: { stdout: false } });
  const started = performance.now();
  let packages = 0;
  let toldAt = 0;
  for await (const _line of createInterface({ input: child.stderr })) {
    packages += 1;
    const seconds = (performance.now() - started) / 1000;
    if (seconds - toldAt < 5) continue;
    toldAt = seconds;
    tell(`building, ${packages} packages in ${seconds.toFixed(0)} s`);
  }
  try {
    await child;
  } catch (error) {
    const lines = String((error as { stderr?: string }).stderr ?? '')
      .split('\n')
      .filter(Boolean);
    throw new Error(`go build failed: ${lines.slice(-3).join('; ') || (error as Error).message}`, { cause: error });
  }
}

/** Sets the version that the program tells; without these flags it is v0.0.0-master. */
function versionFlags(values: Record<string, string>): string[] {
  return Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
}
