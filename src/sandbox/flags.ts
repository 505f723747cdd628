import { type FieldFault, invalidField } from '../errors.ts';
import type { SandboxSpecInput } from '../schemas/spec.ts';

/**
 * Flags a user may set on kube-apiserver: those that change how it works, none that changes who may enter, where it
 * listens, what it reads from the host, or whom it calls. Source: `kube-apiserver --help` of 1.34 to 1.37.
 */
const apiServerFlags = new Set([
  'default-not-ready-toleration-seconds',
  'default-unreachable-toleration-seconds',
  'default-watch-cache-size',
  'delete-collection-workers',
  'disable-admission-plugins',
  'enable-admission-plugins',
  'enable-garbage-collector',
  'enable-priority-and-fairness',
  'etcd-compaction-interval',
  'event-ttl',
  'goaway-chance',
  'http2-max-streams-per-connection',
  'kubernetes-service-node-port',
  'max-mutating-requests-inflight',
  'max-requests-inflight',
  'min-request-timeout',
  'request-timeout',
  'service-cluster-ip-range',
  'service-node-port-range',
  'shutdown-delay-duration',
  'storage-media-type',
  'strict-transport-security-directives',
  'v',
  'watch-cache',
  'watch-cache-sizes',
]);

/** The same for etcd. Source: `etcd --help` of 3.6. */
const etcdFlags = new Set([
  'auto-compaction-mode',
  'auto-compaction-retention',
  'election-timeout',
  'heartbeat-interval',
  'log-level',
  'max-concurrent-streams',
  'max-request-bytes',
  'max-txn-ops',
  'quota-backend-bytes',
  'snapshot-count',
]);

/** Throws `argument_not_allowed` with a pointer to each flag that is outside the allow-lists. */
export function checkArguments(spec: SandboxSpecInput): void {
  const faults = [
    ...faultsOf('/spec/apiServer/extraArgs', spec.apiServer.extraArgs, apiServerFlags),
    ...faultsOf('/spec/etcd/extraArgs', spec.etcd.extraArgs, etcdFlags),
  ];
  const verbosity = spec.apiServer.extraArgs.v;
  // From 10 on, kube-apiserver logs the bodies of answers that webhooks can aim at others (CVE-2020-8561).
  if (verbosity !== undefined && !/^[0-9]$/.test(verbosity)) {
    faults.push({ pointer: '/spec/apiServer/extraArgs/v', detail: 'must be 0 to 9' });
  }
  const databaseBytes = spec.etcd.extraArgs['quota-backend-bytes'];
  // To etcd, 0 means its default and less than 0 no limit at all.
  if (databaseBytes !== undefined && !/^[1-9][0-9]{0,14}$/.test(databaseBytes)) {
    faults.push({ pointer: '/spec/etcd/extraArgs/quota-backend-bytes', detail: 'must be a number of bytes above 0' });
  }
  const [first, ...more] = faults;
  if (!first) return;
  const error = invalidField(first.pointer, first.detail, 'argument_not_allowed');
  throw more.length === 0 ? error : Object.assign(error, { faults });
}

function faultsOf(pointer: string, args: Record<string, string>, allowed: ReadonlySet<string>): FieldFault[] {
  return Object.keys(args)
    .filter((name) => !allowed.has(name))
    .map((name) => ({
      pointer: `${pointer}/${name}`,
      detail: `is not a flag that can be set here; allowed are: ${[...allowed].join(', ')}`,
    }));
}
