import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { stringify } from 'yaml';
import type { ComponentSpec, PlanFile, SandboxPlan } from '../runtime/driver.ts';
import { sniName } from '../runtime/kubeconfig.ts';
import type { Credentials } from '../runtime/pki.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';

/** What a plan is made from; the same input always gives the same plan. */
export interface PlanInput {
  readonly sandboxId: string;
  readonly project: string;
  readonly spec: SandboxSpecInput;
  readonly kubernetesVersion: string;
  readonly etcdVersion: string;
  readonly credentials: Credentials;
  readonly port: number;
  readonly userOffset: number;
  /** The runtime's root. */
  readonly root: string;
  /** What kube-apiserver listens on, as seen where it runs. */
  readonly bindAddress: string;
  readonly advertiseHost: string;
  readonly templateDir: string | null;
}

const mebibyte = 1024 * 1024;
const etcdMemoryMiB = 1024;
const apiServerMemoryMiB = 2048;
const defaultEtcdQuotaMiB = 2048;
/** The write-ahead log, a snapshot being written, and logs, beside the database. */
const diskBesideDatabaseMiB = 512;
const etcdDataDir = 'etcd';
const etcdClientSocket = 'localhost:1';
const etcdPeerSocket = 'localhost:2';
const defaultServiceRange = '10.96.0.0/16';

export function makePlan(input: PlanInput): SandboxPlan {
  const dir = `${input.root}/${input.sandboxId}`;
  return {
    sandboxId: input.sandboxId,
    project: input.project,
    components: [etcd(input, dir), apiServer(input, dir)],
    files: filesOf(input.credentials),
    templateDir: input.templateDir,
    etcdDataDir,
    userOffset: input.userOffset,
  };
}

/** What a sandbox may take at most, in MiB: what quotas count. */
export function footprint(spec: SandboxSpecInput): { memoryMiB: number; diskMiB: number } {
  const quota = Number(spec.etcd.extraArgs['quota-backend-bytes'] ?? defaultEtcdQuotaMiB * mebibyte);
  return {
    memoryMiB: etcdMemoryMiB + apiServerMemoryMiB,
    diskMiB: Math.ceil(quota / mebibyte) + diskBesideDatabaseMiB,
  };
}

/** Every name by which the API server is reached, for its certificate. */
export function certificateNames(input: Pick<PlanInput, 'sandboxId' | 'spec' | 'advertiseHost'>): string[] {
  const serviceRange = input.spec.apiServer.extraArgs['service-cluster-ip-range'] ?? defaultServiceRange;
  const names = ['127.0.0.1', 'localhost', input.advertiseHost, sniName(input.sandboxId)];
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  return [...new Set([...names, ...firstAddress(serviceRange), ...service])];
}

function etcd({ spec, sandboxId, etcdVersion }: PlanInput, dir: string): ComponentSpec {
  const flags: Record<string, string> = {
    name: 'default',
    'data-dir': `${dir}/${etcdDataDir}`,
    // A Unix socket in the sandbox's own folder: no port, and no neighbour can reach the store.
    'listen-client-urls': `unix://${etcdClientSocket}`,
    'advertise-client-urls': `unix://${etcdClientSocket}`,
    'listen-peer-urls': `unix://${etcdPeerSocket}`,
    'initial-advertise-peer-urls': `unix://${etcdPeerSocket}`,
    'initial-cluster': `default=unix://${etcdPeerSocket}`,
    // A single member elects itself in 0.1 s with these, in 0.5 s with the defaults.
    'heartbeat-interval': '10',
    'election-timeout': '50',
    'quota-backend-bytes': String(defaultEtcdQuotaMiB * mebibyte),
    ...(spec.durability === 'ephemeral' ? { 'unsafe-no-fsync': 'true' } : {}),
    ...spec.etcd.extraArgs,
  };
  return component({
    name: 'etcd',
    version: etcdVersion,
    args: argumentsOf(flags),
    env: { HOME: dir, SANDPLANE_SANDBOX: sandboxId },
    port: null,
    accepts: { unixSocket: etcdClientSocket, logText: 'ready to serve client requests' },
    limits: { memoryBytes: etcdMemoryMiB * mebibyte, pids: 512, cpus: 2 },
    stopGraceMs: 5000,
  });
}

function apiServer(input: PlanInput, dir: string): ComponentSpec {
  const { spec, sandboxId } = input;
  const { extraArgs } = spec.apiServer;
  const flags: Record<string, string> = {
    'etcd-servers': `unix://${etcdClientSocket}`,
    'secure-port': String(input.port),
    'bind-address': input.bindAddress,
    ...advertised(input.advertiseHost),
    'cert-dir': `${dir}/certs`,
    'client-ca-file': `${dir}/pki/ca.crt`,
    'tls-cert-file': `${dir}/pki/server.crt`,
    'tls-private-key-file': `${dir}/pki/server.key`,
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': `${dir}/pki/sa.pub`,
    'service-account-signing-key-file': `${dir}/pki/sa.key`,
    'authorization-mode': 'RBAC',
    'authentication-config': `${dir}/pki/authentication.yaml`,
    'audit-policy-file': `${dir}/pki/audit-policy.yaml`,
    'audit-log-path': `${dir}/logs/audit.log`,
    'audit-log-maxsize': '10',
    'audit-log-maxbackup': '1',
    'service-cluster-ip-range': defaultServiceRange,
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

/**
 * An address that others can reach goes into the endpoints of the `kubernetes` Service. Loopback is refused there, and
 * without this flag the server looks for a default route and exits where there is none.
 */
function advertised(host: string): Record<string, string> {
  const reachable = isIP(host) !== 0 && !host.startsWith('127.') && host !== '::1';
  return reachable
    ? { 'advertise-address': host }
    : { 'advertise-address': '127.0.0.1', 'endpoint-reconciler-type': 'none' };
}

const authentication = stringify({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  anonymous: { enabled: true, conditions: [{ path: '/livez' }, { path: '/readyz' }, { path: '/healthz' }] },
});

// Metadata only: bodies hold secrets. Requests of the server to itself are left out.
const auditPolicy = stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'None', users: ['system:apiserver'] }, { level: 'Metadata' }],
});

function filesOf(credentials: Credentials): PlanFile[] {
  const secret = (path: string, content: string) => ({ path, content, mode: 0o600 });
  const plain = (path: string, content: string) => ({ path, content, mode: 0o644 });
  return [
    plain('pki/ca.crt', credentials.caCert),
    plain('pki/server.crt', credentials.serverCert),
    secret('pki/server.key', credentials.serverKey),
    plain('pki/sa.pub', credentials.serviceAccountPub),
    secret('pki/sa.key', credentials.serviceAccountKey),
    plain('pki/authentication.yaml', authentication),
    plain('pki/audit-policy.yaml', auditPolicy),
  ];
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

/** The address of the `kubernetes` Service: the first of the first IPv4 service range. */
function firstAddress(ranges: string): string[] {
  const [base = ''] = (ranges.split(',')[0] ?? '').split('/');
  const octets = base.split('.').map(Number);
  if (isIP(base) !== 4) return [];
  const number = octets.reduce((sum, octet) => sum * 256 + octet, 0) + 1;
  return [[24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.')];
}
