import { execFile } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { defaultVersions } from '../src/components/catalog.ts';

/** Facts about this machine that the figures depend on. */
export async function machineFacts() {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    loadBefore: loadavg().map((load) => Math.round(load * 100) / 100),
    node: process.version,
    ...defaultVersions,
    commit: await commit(),
  };
}

export type MachineFacts = Awaited<ReturnType<typeof machineFacts>>;

export function machineLine(machine: MachineFacts): string {
  return `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Linux ${machine.kernel}, load ${machine.loadBefore[0]} before; Node ${machine.node}, kube-apiserver ${machine.kubernetesVersion}, etcd ${machine.etcdVersion}, commit ${machine.commit}`;
}

async function commit(): Promise<string> {
  const cwd = path.join(import.meta.dirname, '..');
  try {
    const { stdout } = await promisify(execFile)('git', ['describe', '--always', '--dirty'], { cwd });
    return stdout.trim();
  } catch {
    // No git, or no checkout: the figures are worth as much without it.
    return 'unknown';
  }
}
