import { spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { execa } from 'execa';
import type { TAP } from 'tap';
import { connectDocker } from '../../src/runtime/docker-connection.ts';
import { describeProcess, isAlive, type ProcessIdentity } from '../../src/runtime/process-identity.ts';
import { aptInstall } from './apt.ts';
import { exclusively } from './exclusively.ts';
import { skipFile } from './skip-file.ts';

export interface TestDocker {
  readonly docker: Docker;
  /** Stops the daemon if tests have started it and no other test uses it. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;

/**
 * The Docker daemon of this machine. Where none answers, one is installed and started, which needs root on Debian.
 * Returns the reason when there can be none, with which tests that need it are skipped.
 */
export async function testDocker(): Promise<TestDocker | string> {
  const running = (await startedHere()) ? null : await connectDocker();
  if (running) return { docker: running, stop: async () => undefined };
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'no Docker daemon answers, and only root can start one';
  const refusal = await install();
  return refusal ?? (await shareDaemon());
}

/** The same for a whole test file, which is skipped where there can be none, and leaves the daemon at its end. */
export async function dockerOrSkip(t: TAP): Promise<Docker> {
  const daemon = await testDocker();
  if (typeof daemon === 'string') skipFile(t, daemon);
  t.teardown(daemon.stop);
  return daemon.docker;
}

/** The daemon that tests have started, or null when it does not run. */
async function startedHere(): Promise<ProcessIdentity | null> {
  // No note: no test has started a daemon.
  const note = JSON.parse(await readFile(noteFile, 'utf8').catch(() => 'null')) as ProcessIdentity | null;
  return note && (await isAlive(note)) ? note : null;
}

async function install(): Promise<string | null> {
  const has = async (program: string) =>
    (await execa('sh', ['-c', `command -v ${program}`], { reject: false })).exitCode === 0;
  if ((await has('dockerd')) && (await has('iptables'))) return null;
  if (!(await has('apt-get'))) return 'dockerd is not installed, and this is no Debian';
  return await aptInstall('docker.io', 'iptables');
}

/** Holds the data of a daemon that tests have started, and the pids of the tests that use it. The last one stops it. */
const sharedDir = path.join(tmpdir(), 'sandplane-test-docker');
const noteFile = path.join(sharedDir, 'daemon.json');
const usersDir = path.join(sharedDir, 'users');

/** Test files run in parallel: one starts the daemon, and the others use it. */
async function shareDaemon(): Promise<TestDocker | string> {
  await mkdir(usersDir, { recursive: true });
  return await exclusively(sharedDir, async () => {
    const found = await connectDocker();
    const docker = found ?? (await startDaemon());
    if (typeof docker === 'string') return docker;
    await writeFile(path.join(usersDir, String(process.pid)), '');
    return { docker, stop: () => exclusively(sharedDir, () => leave(docker)) };
  });
}

async function leave(docker: Docker): Promise<void> {
  await rm(path.join(usersDir, String(process.pid)), { force: true });
  for (const user of await readdir(usersDir)) if (await describeProcess(Number(user))) return;
  const daemon = await startedHere();
  if (daemon) {
    await removeNetworks(docker);
    process.kill(daemon.pid, 'SIGTERM');
    while (await isAlive(daemon)) await delay(50);
  }
  await rm(path.join(sharedDir, 'data'), { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  await rm(noteFile, { force: true });
}

/**
 * Removes the networks of tests that were cut off: their bridges would outlive the daemon, and there is room for about
 * 30.
 */
async function removeNetworks(docker: Docker): Promise<void> {
  for (const { Id } of await docker.listContainers({ all: true })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
  await docker.pruneNetworks();
}

async function startDaemon(): Promise<Docker | string> {
  const log = await open(path.join(sharedDir, 'log'), 'w');
  const dir = (name: string) => path.join(sharedDir, name);
  const args = ['--data-root', dir('data'), '--exec-root', dir('exec'), '--pidfile', dir('pid')];
  const daemon = spawn('dockerd', args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  daemon.unref();
  await log.close();
  const identity = await describeProcess(daemon.pid ?? 0);
  await writeFile(noteFile, JSON.stringify(identity));
  const deadline = performance.now() + startTimeoutMs;
  while (daemon.exitCode === null && performance.now() < deadline) {
    const docker = await connectDocker();
    if (docker) return docker;
    await delay(100);
  }
  daemon.kill('SIGKILL');
  const { stdout } = await execa('tail', ['-3', dir('log')], { reject: false });
  return `dockerd does not start here: ${stdout}`;
}
