import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { execa } from 'execa';
import { connectDocker } from '../../src/runtime/docker-connection.ts';

export interface TestDocker {
  readonly docker: Docker;
  /** Ends the daemon when it was started here. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;

/**
 * The daemon of this machine; where none answers and we are root on Debian, one that is installed and started here.
 * Returns the reason when there can be none: the tests that need it are then skipped with it.
 */
export async function testDocker(): Promise<TestDocker | string> {
  const running = await connectDocker({});
  if (running) return { docker: running, stop: async () => undefined };
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'no Docker daemon answers, and only root can start one';
  const refusal = await install();
  return refusal ?? (await startDaemon());
}

async function install(): Promise<string | null> {
  const has = async (program: string) =>
    (await execa('sh', ['-c', `command -v ${program}`], { reject: false })).exitCode === 0;
  if ((await has('dockerd')) && (await has('iptables'))) return null;
  if (!(await has('apt-get'))) return 'dockerd is not installed, and this is no Debian';
  await execa('apt-get', ['update', '-qq'], { reject: false });
  const packages = ['docker.io', 'iptables'];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const installed = await execa('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    reject: false,
    env,
  });
  return installed.exitCode === 0 ? null : `docker.io could not be installed: ${installed.stderr.slice(-200)}`;
}

async function startDaemon(): Promise<TestDocker | string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'sp-dockerd-'));
  const log = await open(path.join(dir, 'log'), 'a');
  const args = [
    '--data-root',
    path.join(dir, 'data'),
    '--exec-root',
    path.join(dir, 'exec'),
    '--pidfile',
    path.join(dir, 'pid'),
  ];
  const daemon = spawn('dockerd', args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const exited = once(daemon, 'exit');
  const stop = async () => {
    daemon.kill('SIGTERM');
    await exited;
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  };
  const deadline = performance.now() + startTimeoutMs;
  while (daemon.exitCode === null && performance.now() < deadline) {
    const docker = await connectDocker({});
    if (docker) return { docker, stop };
    await delay(100);
  }
  const { stdout } = await execa('tail', ['-3', path.join(dir, 'log')], { reject: false });
  await stop();
  return `dockerd does not start here: ${stdout}`;
}
