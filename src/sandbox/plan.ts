import { createHash } from 'node:crypto';
import { type ComponentSpec, etcdSocketName, type KubernetesService, type SandboxPlan } from '../runtime/driver.ts';
import { sniName } from '../runtime/kubeconfig.ts';
import { type Credentials, proxyUser } from '../runtime/pki.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';
import { filesOf } from './plan-files.ts';
import { advertisingFlags, firstAddress, kubernetesService, serviceRanges } from './service-network.ts';

/** What a plan is made from; the same input always gives the same plan. */
export interface PlanInput {
  readonly sandboxId: string;
  readonly project: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: SandboxSpecInput;
  readonly kubernetesVersion: string;
  readonly etcdVersion: string;
  readonly credentials: Credentials;
  readonly port: number;
  /** The runtime's root. */
  readonly root: string;
  /** What kube-apiserver listens on, as seen where it runs. */
  readonly bindAddress: string;
  readonly advertiseHost: string;
  /** The addresses of the host. Null: the runtime gives kube-apiserver an IPv4 address of its own. */
  readonly ownAddresses: readonly string[] | null;
  readonly templateDir: string | null;
  readonly wasReady: boolean;
}

const mebibyte = 1024 * 1024;
const etcdMemoryMiB = 1024;
const apiServerMemoryMiB = 2048;
/** What the limits of etcd's disk are made of, unless a spec says otherwise. */
const etcdLimits = {
  'quota-backend-bytes': String(2048 * mebibyte),
  // The write-ahead log holds every write since the last snapshot: a write may have 1.5 MiB, so etcd's own 10,000 would
  // let it grow to 15 GiB.
  'snapshot-count': '100',
  'max-request-bytes': String(1.5 * mebibyte),
} as const;
/**
 * Beside the database and the writes since the last snapshot: two files of the write-ahead log, which etcd fills to
 * 64 MB, one that it makes ahead, snapshots, and logs.
 */
const otherDiskMiB = 362;
const etcdDataDir = 'etcd';
const etcdPeerSocket = 'localhost:2';

export function makePlan(input: PlanInput): SandboxPlan {
  const dir = `${input.root}/${input.sandboxId}`;
  const service = kubernetesService(input);
  return {
    sandboxId: input.sandboxId,
    project: input.project,
    name: input.name,
    labels: input.labels,
    components: [etcd(input, dir), apiServer(input, service, dir)],
    files: filesOf(input.credentials),
    templateDir: input.templateDir,
    etcdDataDir,
    mustHaveData: input.wasReady,
    kubernetesService: service,
  };
}

/** What a sandbox may take at most, in MiB: what quotas count. */
export function footprint(spec: SandboxSpecInput): { memoryMiB: number; diskMiB: number } {
  const { 'snapshot-count': writes, 'max-request-bytes': bytesEach } = etcdLimitsOf(spec);
  // The database twice, since a defragmentation writes it anew beside the old one.
  const etcdBytes = 2 * etcdQuotaBytes(spec) + Number(writes) * Number(bytesEach);
  return {
    memoryMiB: etcdMemoryMiB + apiServerMemoryMiB,
    diskMiB: Math.ceil(etcdBytes / mebibyte) + otherDiskMiB,
  };
}

/** What the database of etcd may grow to: then it refuses writes that add. */
export function etcdQuotaBytes(spec: SandboxSpecInput): number {
  return Number(etcdLimitsOf(spec)['quota-backend-bytes']);
}

function etcdLimitsOf(spec: SandboxSpecInput): Record<keyof typeof etcdLimits, string> {
  return { ...etcdLimits, ...spec.etcd.extraArgs };
}

/** Every name by which the API server is reached, for its certificate. */
export function certificateNames(input: Pick<PlanInput, 'sandboxId' | 'spec' | 'advertiseHost'>): string[] {
  const names = ['127.0.0.1', 'localhost', input.advertiseHost, sniName(input.sandboxId)];
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  return [...new Set([...names, ...serviceRanges(input.spec).map(firstAddress), ...service])];
}

function etcd({ spec, sandboxId, etcdVersion }: PlanInput, dir: string): ComponentSpec {
  const flags: Record<string, string> = {
    name: 'default',
    'data-dir': `${dir}/${etcdDataDir}`,
    // A Unix socket in the sandbox's own folder: no port, and no neighbour can reach the store.
    'listen-client-urls': `unix://${etcdSocketName}`,
    'advertise-client-urls': `unix://${etcdSocketName}`,
    'listen-peer-urls': `unix://${etcdPeerSocket}`,
    'initial-advertise-peer-urls': `unix://${etcdPeerSocket}`,
    'initial-cluster': `default=unix://${etcdPeerSocket}`,
    ...elections(spec.etcd.extraArgs),
    ...etcdLimits,
    // No other member has to catch up: older writes need be kept neither on the disk nor in memory, where etcd would
    // keep the last 5,000.
    'max-wals': '2',
    'snapshot-catchup-entries': '100',
    ...(spec.durability === 'ephemeral' ? { 'unsafe-no-fsync': 'true' } : {}),
    ...spec.etcd.extraArgs,
  };
  return component({
    name: 'etcd',
    version: etcdVersion,
    args: argumentsOf(flags),
    env: { HOME: dir, SANDPLANE_SANDBOX: sandboxId },
    port: null,
    accepts: { unixSocket: etcdSocketName },
    limits: { memoryBytes: etcdMemoryMiB * mebibyte, pids: 512, cpus: 2 },
    stopGraceMs: 5000,
  });
}

/** A single member elects itself in 0.1 s with these, in 0.5 s with etcd's defaults, which stand beside one of the user's. */
function elections(given: Record<string, string>): Record<string, string> {
  const isGiven = 'heartbeat-interval' in given || 'election-timeout' in given;
  return isGiven ? {} : { 'heartbeat-interval': '10', 'election-timeout': '50' };
}

function apiServer(input: PlanInput, service: KubernetesService, dir: string): ComponentSpec {
  const { spec, sandboxId } = input;
  const { extraArgs } = spec.apiServer;
  const flags: Record<string, string> = {
    'etcd-servers': `unix://${etcdSocketName}`,
    'secure-port': String(input.port),
    'bind-address': input.bindAddress,
    ...advertisingFlags(service),
    'cert-dir': `${dir}/certs`,
    'client-ca-file': `${dir}/pki/ca.crt`,
    'tls-cert-file': `${dir}/pki/server.crt`,
    'tls-private-key-file': `${dir}/pki/server.key`,
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': `${dir}/pki/sa.pub`,
    'service-account-signing-key-file': `${dir}/pki/sa.key`,
    // For aggregated APIs, which believe a call by its client certificate, and find the CA of that in the cluster.
    'requestheader-client-ca-file': `${dir}/pki/front-proxy-ca.crt`,
    'requestheader-allowed-names': proxyUser,
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'proxy-client-cert-file': `${dir}/pki/front-proxy-client.crt`,
    'proxy-client-key-file': `${dir}/pki/front-proxy-client.key`,
    'authorization-mode': 'RBAC',
    'authentication-config': `${dir}/pki/authentication.yaml`,
    'audit-policy-file': `${dir}/pki/audit-policy.yaml`,
    'audit-log-path': `${dir}/logs/audit.log`,
    'audit-log-maxsize': '10',
    'audit-log-maxbackup': '1',
    'service-cluster-ip-range': serviceRanges(spec).join(','),
    'allow-privileged': 'true',
    profiling: 'false',
    ...extraArgs,
    'disable-admission-plugins': ['ServiceAccount', extraArgs['disable-admission-plugins']].filter(Boolean).join(','),
    ...mapFlag('feature-gates', spec.apiServer.featureGates),
    ...mapFlag('runtime-config', spec.apiServer.runtimeConfig),
  };
  return component({
    name: 'kube-apiserver',
    version: input.kubernetesVersion,
    args: argumentsOf(flags),
    env: { HOME: dir, SANDPLANE_SANDBOX: sandboxId },
    port: input.port,
    accepts: null,
    limits: { memoryBytes: apiServerMemoryMiB * mebibyte, pids: 1024, cpus: 2 },
    stopGraceMs: 10_000,
  });
}

function argumentsOf(flags: Record<string, string>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

function mapFlag(name: string, values: Record<string, boolean>): Record<string, string> {
  const pairs = Object.entries(values).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? {} : { [name]: pairs.join(',') };
}

function component(spec: Omit<ComponentSpec, 'specHash'>): ComponentSpec {
  const specHash = createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 16);
  return { ...spec, specHash };
}
