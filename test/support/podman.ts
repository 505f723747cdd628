import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { connectDocker } from '../../src/runtime/docker-connection.ts';
import { aptInstall } from './apt.ts';
import type { TestDocker } from './dockerd.ts';
import { temporaryFolder } from './service.ts';

/** What root of a container may still set, and what works without systemd. */
const settings = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/**
 * Podman's service with a storage of its own, as DOCKER_HOST for this process. Where there is none, it is installed, which
 * needs root on Debian. Returns the reason when there can be none, with which tests that need it are skipped.
 */
export async function testPodman(): Promise<TestDocker | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'Podman is tested as root on Linux';
  const { exitCode } = await execa('podman', ['--version'], { reject: false });
  const refusal = exitCode === 0 ? null : await aptInstall('podman', 'iptables');
  if (refusal) return refusal;
  const dir = await temporaryFolder();
  const folder = (name: string) => path.join(dir, name);
  await writeFile(folder('containers.conf'), settings);
  const socket = `unix://${folder('socket')}`;
  // vfs mounts nothing that would have to be unmounted.
  const storage = ['--root', folder('root'), '--runroot', folder('run'), '--storage-driver', 'vfs'];
  const args = [...storage, '--network-config-dir', folder('net'), 'system', 'service', '--time=0', socket];
  const service = execa('podman', args, { env: { CONTAINERS_CONF: folder('containers.conf') }, reject: false });
  let hasEnded = false;
  void service.finally(() => {
    hasEnded = true;
  });
  process.env.DOCKER_HOST = socket;
  async function stop(): Promise<void> {
    service.kill('SIGTERM');
    await service;
    await rm(dir, { recursive: true, force: true });
  }
  for (;;) {
    const docker = await connectDocker();
    if (docker) return { docker, stop };
    if (hasEnded) return `Podman does not start here: ${(await service).stderr}`;
    await delay(100);
  }
}
