interface BadBody {
  readonly what: string;
  readonly body: unknown;
  /** What the answer names as wrong. */
  readonly pointer: string;
  /** Default: validation_failed. */
  readonly code?: string;
  readonly detail?: RegExp;
}

/** Creates that are refused, each with what is wrong with it. */
export const badBodies: readonly BadBody[] = [
  { what: 'an unknown field', body: { nane: 'x' }, pointer: '/nane', detail: /known are: name, labels, spec/ },
  { what: 'an unknown field further down', body: { spec: { ttl: 5 } }, pointer: '/spec/ttl' },
  { what: 'a wrong type', body: { name: 5 }, pointer: '/name', detail: /string/ },
  { what: 'a number as text', body: { spec: { ttlSeconds: '5' } }, pointer: '/spec/ttlSeconds' },
  { what: 'a name that is no DNS label', body: { name: 'My_Name' }, pointer: '/name', detail: /DNS label/ },
  { what: 'a name that is too long', body: { name: 'x'.repeat(64) }, pointer: '/name', detail: /63/ },
  { what: 'somebody else as the owner', body: { project: 'other' }, pointer: '/project' },
  { what: 'a status of its own', body: { status: { phase: 'ready' } }, pointer: '/status' },
  { what: 'a host of its own', body: { spec: { host: 'h' } }, pointer: '/spec/host' },
  { what: 'a time to live of nothing', body: { spec: { ttlSeconds: 0 } }, pointer: '/spec/ttlSeconds', detail: />= 1/ },
  {
    what: 'an unknown runtime',
    body: { spec: { runtime: 'vm' } },
    pointer: '/spec/runtime',
    detail: /process, docker/,
  },
  {
    what: 'a version that is not offered',
    body: { spec: { kubernetesVersion: '9.9.9' } },
    pointer: '/spec/kubernetesVersion',
    code: 'unsupported_version',
    detail: /1\.37\.2/,
  },
  {
    what: 'a flag outside the allow-list',
    body: { spec: { apiServer: { extraArgs: { 'authorization-mode': 'AlwaysAllow' } } } },
    pointer: '/spec/apiServer/extraArgs/authorization-mode',
    code: 'argument_not_allowed',
    detail: /allowed are: .*max-requests-inflight/,
  },
  {
    what: 'a verbosity that logs bodies',
    body: { spec: { apiServer: { extraArgs: { v: '8' } } } },
    pointer: '/spec/apiServer/extraArgs/v',
    code: 'argument_not_allowed',
    detail: /0 to 7/,
  },
  {
    what: 'a log of etcd that holds what is written',
    body: { spec: { etcd: { extraArgs: { 'log-level': 'debug' } } } },
    pointer: '/spec/etcd/extraArgs/log-level',
    code: 'argument_not_allowed',
    detail: /one of info, warn/,
  },
  {
    what: 'a write-ahead log that grows for ever',
    body: { spec: { etcd: { extraArgs: { 'snapshot-count': '18446744073709551615' } } } },
    pointer: '/spec/etcd/extraArgs/snapshot-count',
    code: 'argument_not_allowed',
    detail: /from 1 to 100000/,
  },
  {
    what: 'writes to etcd of any size',
    body: { spec: { etcd: { extraArgs: { 'max-request-bytes': '10000001' } } } },
    pointer: '/spec/etcd/extraArgs/max-request-bytes',
    code: 'argument_not_allowed',
    detail: /from 1 to 10000000/,
  },
  {
    what: 'any number of requests at a time',
    body: { spec: { apiServer: { extraArgs: { 'max-requests-inflight': '0' } } } },
    pointer: '/spec/apiServer/extraArgs/max-requests-inflight',
    code: 'argument_not_allowed',
    detail: /from 1 to 10000/,
  },
  {
    what: 'a watch that goes on for years',
    body: { spec: { apiServer: { extraArgs: { 'min-request-timeout': '2000000000' } } } },
    pointer: '/spec/apiServer/extraArgs/min-request-timeout',
    code: 'argument_not_allowed',
    detail: /from 1 to 100000/,
  },
  {
    what: 'a compaction that never rests',
    body: { spec: { apiServer: { extraArgs: { 'etcd-compaction-interval': '1ns' } } } },
    pointer: '/spec/apiServer/extraArgs/etcd-compaction-interval',
    code: 'argument_not_allowed',
    detail: /as 1h30m or 90s/,
  },
  {
    what: 'a database of no limit',
    body: { spec: { etcd: { extraArgs: { 'quota-backend-bytes': '-1' } } } },
    pointer: '/spec/etcd/extraArgs/quota-backend-bytes',
    code: 'argument_not_allowed',
  },
  {
    what: 'an admission plugin that needs what is not here',
    body: {
      spec: { apiServer: { extraArgs: { 'enable-admission-plugins': 'PodTolerationRestriction,ServiceAccount' } } },
    },
    pointer: '/spec/apiServer/extraArgs/enable-admission-plugins',
    code: 'arguments_conflict',
    detail: /must not name ServiceAccount/,
  },
  {
    what: 'an admission plugin that is both on and off',
    body: {
      spec: {
        apiServer: {
          extraArgs: { 'enable-admission-plugins': 'EventRateLimit', 'disable-admission-plugins': 'EventRateLimit' },
        },
      },
    },
    pointer: '/spec/apiServer/extraArgs/enable-admission-plugins',
    code: 'arguments_conflict',
    detail: /EventRateLimit/,
  },
  {
    what: 'a feature gate off that is in use',
    body: { spec: { apiServer: { featureGates: { StructuredAuthenticationConfiguration: false } } } },
    pointer: '/spec/apiServer/featureGates/StructuredAuthenticationConfiguration',
    code: 'arguments_conflict',
  },
  {
    what: 'an API off that kube-apiserver cannot do without',
    body: { spec: { apiServer: { runtimeConfig: { 'storage.k8s.io/v1': false } } } },
    pointer: '/spec/apiServer/runtimeConfig/storage.k8s.io~1v1',
    code: 'arguments_conflict',
  },
  {
    what: 'the API of priority and fairness off, but not what it is for',
    body: { spec: { apiServer: { runtimeConfig: { 'flowcontrol.apiserver.k8s.io/v1': false } } } },
    pointer: '/spec/apiServer/runtimeConfig/flowcontrol.apiserver.k8s.io~1v1',
    code: 'arguments_conflict',
  },
  {
    what: 'all APIs off but one',
    body: { spec: { apiServer: { runtimeConfig: { 'api/all': false, v1: true } } } },
    pointer: '/spec/apiServer/runtimeConfig/api~1all',
    code: 'arguments_conflict',
    detail: /needs admissionregistration\.k8s\.io\/v1, .*flowcontrol/,
  },
  ...['10.0.0.0/30', '10.0.0.255/32', '10/8', '10.0.0.0/16,10.1.0.0/16', 'a/b', ''].map((ranges) => ({
    what: `${ranges} as the ranges of Services`,
    body: { spec: { apiServer: { extraArgs: { 'service-cluster-ip-range': ranges } } } },
    pointer: '/spec/apiServer/extraArgs/service-cluster-ip-range',
    code: 'arguments_conflict',
  })),
  {
    what: 'a port on the nodes outside their range',
    body: { spec: { apiServer: { extraArgs: { 'kubernetes-service-node-port': '443' } } } },
    pointer: '/spec/apiServer/extraArgs/kubernetes-service-node-port',
    code: 'arguments_conflict',
    detail: /30000-32767/,
  },
  {
    what: 'an election that is too quick for the heartbeat',
    body: { spec: { etcd: { extraArgs: { 'heartbeat-interval': '300' } } } },
    pointer: '/spec/etcd/extraArgs/election-timeout',
    code: 'arguments_conflict',
    detail: /at least 1500/,
  },
  {
    what: 'a flag that is not allowed and another fault',
    body: { name: 'A', spec: { etcd: { extraArgs: { 'data-dir': '/' } } } },
    pointer: '/spec/etcd/extraArgs/data-dir',
  },
  { what: 'null, which is no object', body: null, pointer: '' },
  { what: 'text with half a character', body: { name: '\ud800' }, pointer: '/name' },
  { what: 'a label that is none', body: { labels: { 'a b': 'c' } }, pointer: '/labels/a b' },
];
