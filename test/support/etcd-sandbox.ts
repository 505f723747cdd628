import type { ComponentSpec, Runtime, SandboxPlan } from '../../src/runtime/driver.ts';
import { newSandboxId } from '../../src/sandbox/record.ts';

export interface EtcdSandbox {
  readonly id: string;
  readonly plan: SandboxPlan;
  readonly etcd: ComponentSpec;
}

/** A plan of an etcd alone, which starts in a moment. */
export function etcdOn(runtime: Pick<Runtime, 'root'>): EtcdSandbox {
  const id = newSandboxId();
  const etcd: ComponentSpec = {
    name: 'etcd',
    version: '3.6.16',
    args: [
      '--name=default',
      `--data-dir=${runtime.root}/${id}/etcd`,
      '--listen-client-urls=unix://localhost:1',
      '--advertise-client-urls=unix://localhost:1',
      '--listen-peer-urls=unix://localhost:2',
      '--initial-advertise-peer-urls=unix://localhost:2',
      '--initial-cluster=default=unix://localhost:2',
      '--heartbeat-interval=10',
      '--election-timeout=50',
      '--unsafe-no-fsync',
    ],
    env: {},
    port: null,
    accepts: { unixSocket: 'localhost:1' },
    limits: { memoryBytes: 512 * 1024 * 1024, pids: 256, cpus: 1 },
    stopGraceMs: 5000,
    specHash: 'first',
  };
  const files = [{ path: 'pki/secret.key', content: 'x', mode: 0o600 }];
  const plan: SandboxPlan = {
    sandboxId: id,
    project: 'default',
    name: 'demo',
    labels: { 'example.com/team': 'ci' },
    components: [etcd],
    files,
    templateDir: null,
    mustHaveData: false,
    etcdDataDir: 'etcd',
    kubernetesService: { clusterIP: '10.96.0.1', nodePort: 0, endpoint: null },
  };
  return { id, plan, etcd };
}

/** The same etcd, which also accepts clients at a TCP port. */
export function withPort(etcd: ComponentSpec, port: number, address: string): ComponentSpec {
  const urls = [`--listen-client-urls=http://${address}:${port},unix://localhost:1`];
  return {
    ...etcd,
    args: [...etcd.args.filter((arg) => !arg.startsWith('--listen-client')), ...urls],
    port,
    specHash: 'port',
  };
}
