/**
 * The flags that a user may set on kube-apiserver: those that change how it works, and none that changes who has
 * access, where it listens, what it reads from the host, or which hosts it calls. Source: `kube-apiserver --help` of
 * 1.34 to 1.37.
 */
export const apiServerFlags = [
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
] as const;

/** The flags that a user may set on etcd. Source: `etcd --help` of 3.6. */
export const etcdFlags = [
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
] as const;

interface ValueRule {
  readonly pattern: string;
  readonly description: string;
  readonly examples: readonly string[];
}

/** The rules for the values of some flags. All other values are free. */
export const flagValues = {
  // From 10 on, kube-apiserver logs the bodies of answers, which a webhook can redirect from other addresses
  // (CVE-2020-8561).
  v: { pattern: '^[0-9]$', description: 'verbosity: 0 to 9', examples: ['2'] },
  // etcd takes 0 for its default, and a negative number for no limit at all.
  'quota-backend-bytes': {
    pattern: '^[1-9][0-9]{0,14}$',
    description: 'a number of bytes above 0',
    examples: ['4294967296'],
  },
} as const satisfies Record<string, ValueRule>;
