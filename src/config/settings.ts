import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import Type from 'typebox';
import { defaultFolder } from './default-folders.ts';
import { cidrFaults, count, list, oneOf, parseRange, port, rangeFaults, splitList, text } from './kinds.ts';
import { optional, setting, settingsOf } from './setting.ts';
import { workerNameOf } from './worker-name.ts';

const componentSources = ['folder', 'image', 'release', 'build'] as const;
export type ComponentSource = (typeof componentSources)[number];

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * Every setting: its name in the config, its environment variable, what may stand there, and what it becomes. The
 * type of the config, the README's table and `sandplane config` are made from this.
 */
export const settings = {
  host: setting('SANDPLANE_HOST', text('address of the REST API', '127.0.0.1')),
  port: setting('SANDPLANE_PORT', port('port of the REST API; 0 takes a free one', 7800)),
  grpcPort: setting('SANDPLANE_GRPC_PORT', port('port of the gRPC API, on the same address; 0 takes a free one', 7801)),
  grpcTls: {
    certificateFile: optional(
      'SANDPLANE_GRPC_TLS_CERT_FILE',
      text('a PEM file with the certificate of the gRPC API; default: cleartext'),
    ),
    keyFile: optional('SANDPLANE_GRPC_TLS_KEY_FILE', text('a PEM file with the private key of that certificate')),
  },
  metricsPort: setting(
    'SANDPLANE_METRICS_PORT',
    port('port of /metrics (Prometheus) and /healthz of the worker, off the public port; 0 takes a free one', 7802),
  ),
  dataDir: optional(
    'SANDPLANE_DATA_DIR',
    text("sandbox data, embedded Redis, keys; default: the platform's state folder"),
    { read: (folder, env) => path.resolve(folder ?? defaultFolder('state', env)) },
  ),
  cacheDir: optional('SANDPLANE_CACHE_DIR', text("binaries and templates; default: the platform's cache folder"), {
    read: (folder, env) => path.resolve(folder ?? defaultFolder('cache', env)),
  }),
  adminKey: optional(
    'SANDPLANE_ADMIN_KEY',
    Type.String({ description: 'the admin key; default: made at first start in the data folder', minLength: 16 }),
  ),
  secretKey: optional(
    'SANDPLANE_SECRET_KEY',
    Type.String({
      description: 'seals secrets at rest: 32 bytes in base64 or hex; default: made at first start',
      minLength: 43,
    }),
  ),
  secretKeyFile: optional('SANDPLANE_SECRET_KEY_FILE', text('a file that holds SANDPLANE_SECRET_KEY')),
  runtime: setting(
    'SANDPLANE_RUNTIME',
    oneOf(
      ['auto', 'process', 'docker'],
      'what runs sandboxes by default; auto: docker where a daemon answers, else process',
      'auto',
    ),
  ),
  advertiseHost: setting('SANDPLANE_ADVERTISE_HOST', text('the host that kubeconfigs point at', '127.0.0.1')),
  bindAddress: setting('SANDPLANE_BIND_ADDRESS', text('the address that sandbox ports are opened on', '127.0.0.1')),
  probeHost: setting('SANDPLANE_PROBE_HOST', text('where the worker itself reaches the sandbox ports', '127.0.0.1')),
  portRange: setting(
    'SANDPLANE_PORT_RANGE',
    Type.String({ description: 'sandbox ports, first-last', default: '20000-29999', pattern: '^\\d{1,5}-\\d{1,5}$' }),
    { read: parseRange, faults: rangeFaults },
  ),
  workerName: setting(
    'SANDPLANE_WORKER_NAME',
    Type.String({
      description: 'the name of this host, unique among the workers',
      default: workerNameOf(hostname()),
      pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
    }),
  ),
  startConcurrency: setting(
    'SANDPLANE_START_CONCURRENCY',
    count('sandboxes started at the same time on this host; a start is 1-3 s of CPU', availableParallelism(), 1, 1024),
  ),
  sweepIntervalMs: setting(
    'SANDPLANE_SWEEP_INTERVAL_MS',
    count('how often every sandbox of this host is compared with its record', 5000, 100, 600_000),
  ),
  uidBase: setting(
    'SANDPLANE_UID_BASE',
    count('first user id for sandbox processes when the service runs as root', 900_000, 1000, 2_000_000_000),
  ),
  components: {
    sources: setting(
      'SANDPLANE_COMPONENT_SOURCES',
      Type.String({
        description: 'where components come from, tried in this order after the cache',
        default: componentSources.join(','),
        pattern: `^(${componentSources.join('|')})(,(${componentSources.join('|')}))*$`,
      }),
      { read: (names) => names.split(',') as ComponentSource[] },
    ),
    folder: optional('SANDPLANE_COMPONENTS_DIR', text('a folder with kube-apiserver and etcd binaries of your own')),
    imageRegistry: setting('SANDPLANE_IMAGE_REGISTRY', text('the registry of the component images', 'registry.k8s.io')),
    kubernetesReleaseUrl: setting(
      'SANDPLANE_KUBERNETES_RELEASE_URL',
      text('base URL of Kubernetes releases', 'https://dl.k8s.io'),
    ),
    etcdReleaseUrl: setting(
      'SANDPLANE_ETCD_RELEASE_URL',
      text('base URL of etcd releases', 'https://github.com/etcd-io/etcd/releases/download'),
    ),
  },
  oidcFile: optional(
    'SANDPLANE_OIDC_FILE',
    text('a file with the issuers whose tokens are accepted, and what they may do'),
  ),
  rateLimit: setting('SANDPLANE_RATE_LIMIT', count('requests of a project in a minute, for each API process', 6000, 1)),
  quotas: {
    sandboxes: setting('SANDPLANE_QUOTA_SANDBOXES', count('sandboxes of a project that has no limit of its own', 100)),
    awake: setting('SANDPLANE_QUOTA_AWAKE', count('those of them that run or may run', 50)),
    startsPerMinute: setting(
      'SANDPLANE_QUOTA_STARTS_PER_MINUTE',
      count('creates of a project: so many at once, and then so many in each minute', 120, 1),
    ),
    maxTtlSeconds: setting('SANDPLANE_QUOTA_MAX_TTL_SECONDS', count('the longest time to live; 0: no limit', 0), {
      read: (seconds) => seconds || null,
    }),
    memoryMiB: setting(
      'SANDPLANE_QUOTA_MEMORY_MIB',
      count('memory of a project, by the limits of its components', 153_600),
    ),
    diskMiB: setting('SANDPLANE_QUOTA_DISK_MIB', count('disk of a project, by the limits of its components', 256_000)),
  },
  watches: {
    project: setting(
      'SANDPLANE_WATCHES_PER_PROJECT',
      count('open watches of a project, for each API process', 2500, 1),
    ),
    all: setting('SANDPLANE_WATCHES', count('open watches in all, for each API process', 10_000, 1)),
  },
  eventLogLength: setting('SANDPLANE_FEED_LENGTH', count('changes of a project that a watch can go back', 5000, 10)),
  corsOrigins: setting('SANDPLANE_CORS_ORIGINS', list('origins of web pages that may call the API, or *'), {
    read: splitList,
  }),
  trustedProxies: setting('SANDPLANE_TRUSTED_PROXIES', list('proxies whose X-Forwarded-For is believed, as CIDRs'), {
    read: splitList,
    faults: cidrFaults,
  }),
  webhooks: {
    allowedRanges: setting(
      'SANDPLANE_WEBHOOK_ALLOWED_RANGES',
      list('addresses that are not public and that webhooks may go to, as CIDRs'),
      { read: splitList, faults: cidrFaults },
    ),
    pausesMs: setting(
      'SANDPLANE_WEBHOOK_RETRY_SECONDS',
      Type.String({
        description: 'the pauses between the tries of a webhook; after the last it is given up',
        default: '5,30,120,600,1800,3600,7200,10800,14400,18000,21600,8245',
        pattern: '^\\d{1,6}(\\.\\d{1,3})?(,\\d{1,6}(\\.\\d{1,3})?){0,99}$',
      }),
      { read: (seconds) => splitList(seconds).map((one) => Number(one) * 1000) },
    ),
  },
  demo: setting(
    'SANDPLANE_DEMO',
    Type.Boolean({ description: 'make a first sandbox named demo on the first start', default: true }),
  ),
  logLevel: setting('SANDPLANE_LOG_LEVEL', oneOf(logLevels, 'the least level that is logged', 'info')),
  redisPrefix: setting(
    'SANDPLANE_REDIS_PREFIX',
    Type.String({
      description: 'first part of every Redis key, so that several services can share one Redis',
      default: 'sandplane',
      pattern: '^[a-zA-Z0-9_-]{1,64}$',
    }),
  ),
  redisUrl: optional(
    'REDIS_URL',
    Type.String({
      description: 'a Redis to use, redis://, rediss:// or unix:///path; default: an embedded redis-server',
      pattern: '^(rediss?|unix)://',
    }),
  ),
  redisMemoryMiB: optional(
    'SANDPLANE_REDIS_MEMORY_MIB',
    Type.Integer({
      description: "memory of the embedded Redis at most; default: half of the machine's",
      minimum: 16,
      maximum: 16_777_216,
    }),
  ),
  storeTimeoutMs: setting(
    'SANDPLANE_STORE_TIMEOUT_MS',
    count('how long a request waits for Redis before it is answered by 503', 1000, 100, 60_000),
  ),
};

/** Name, default and meaning of every setting, in the order of the table. */
export function describeSettings(): { name: string; default: string; description: string }[] {
  return settingsOf(settings).map(({ env, schema }) => {
    const { default: fallback, description } = schema as { default?: unknown; description?: string };
    return { name: env, default: fallback === undefined ? '' : String(fallback), description: description ?? '' };
  });
}
