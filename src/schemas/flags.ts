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

/** A whole number of at least 0 or 1, and at most a power of ten: such a range is still a plain pattern. */
function wholeNumber(what: string, example: string, { from = 1, zeros }: { from?: 0 | 1; zeros: number }): ValueRule {
  const most = `1${'0'.repeat(zeros)}`;
  const less = `[1-9][0-9]{0,${zeros - 1}}`;
  return {
    pattern: `^(${from === 0 ? '0|' : ''}${less}|${most})$`,
    description: `${what}: a whole number from ${from} to ${most}`,
    examples: [example],
  };
}

/** A duration as Go reads it, in whole hours, minutes and seconds. */
function duration(what: string, example: string): ValueRule {
  return {
    pattern: '^([0-9]{1,4}h([0-9]{1,2}m)?([0-9]{1,2}s)?|[0-9]{1,4}m([0-9]{1,2}s)?|[0-9]{1,4}s)$',
    description: `${what}: hours, minutes and seconds from 0s to 9999h59m59s, as 1h30m or 90s`,
    examples: [example],
  };
}

/**
 * The rules for the values of some flags: those with which a sandbox could take more than quotas count for it, or more
 * of its host than its work needs, or log what its readers should not see. All other values are free, as the component
 * itself refuses those it cannot work with.
 */
export const flagValues = {
  // From 8 on, kube-apiserver logs the bodies of answers to what it calls. Who may read the log of a sandbox could then
  // read whatever a webhook redirects it to, as other addresses of the host (CVE-2020-8561).
  v: { pattern: '^[0-7]$', description: 'verbosity: 0 to 7', examples: ['2'] },
  'default-watch-cache-size': wholeNumber('objects', '100', { from: 0, zeros: 5 }),
  'delete-collection-workers': wholeNumber('workers of each request', '1', { zeros: 2 }),
  'etcd-compaction-interval': duration('the time between two compactions', '5m'),
  'event-ttl': duration('how long events are kept', '1h'),
  'http2-max-streams-per-connection': wholeNumber('requests at a time', '250', { zeros: 4 }),
  // 0 would be no limit at all.
  'max-mutating-requests-inflight': wholeNumber('requests at a time', '200', { zeros: 4 }),
  'max-requests-inflight': wholeNumber('requests at a time', '400', { zeros: 4 }),
  // How long a watch goes on whose kubeconfig is no longer valid.
  'min-request-timeout': wholeNumber('seconds', '1800', { zeros: 5 }),
  'request-timeout': duration('the longest time of a request', '1m'),
  'shutdown-delay-duration': duration('how long a stop waits', '0s'),
  'watch-cache-sizes': {
    pattern: '^[a-z0-9.-]{1,253}#[0-9]{1,5}(,[a-z0-9.-]{1,253}#[0-9]{1,5})*$',
    description: 'resource[.group]#size, separated by commas, each size from 0 to 99999',
    examples: ['pods#100'],
  },
  'election-timeout': wholeNumber('milliseconds', '50', { zeros: 4 }),
  'heartbeat-interval': wholeNumber('milliseconds', '10', { zeros: 4 }),
  // At debug, etcd logs what is written into it, Secrets too.
  'log-level': {
    pattern: '^(info|warn|error|panic|fatal)$',
    description: 'one of info, warn, error, panic and fatal',
    examples: ['warn'],
  },
  'max-concurrent-streams': wholeNumber('streams of a client', '1000', { zeros: 6 }),
  // With `snapshot-count` it says how large the write-ahead log can become, which quotas count.
  'max-request-bytes': wholeNumber('bytes', '1572864', { zeros: 7 }),
  'max-txn-ops': wholeNumber('operations of a transaction', '128', { zeros: 4 }),
  // etcd takes 0 for its default, and a negative number for no limit at all.
  'quota-backend-bytes': {
    pattern: '^[1-9][0-9]{0,14}$',
    description: 'a number of bytes above 0',
    examples: ['4294967296'],
  },
  'snapshot-count': wholeNumber('writes between two snapshots', '100', { zeros: 5 }),
} as const satisfies Record<string, ValueRule>;
