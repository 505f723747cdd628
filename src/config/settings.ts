import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import Type from 'typebox';
import { bindAddressFaults, listenHostFaults, reachableHostFaults, reachedAt } from './addresses.ts';
import { componentSettings } from './component-settings.ts';
import { defaultFolder } from './default-folders.ts';
import { fileFaults } from './files.ts';
import {
  adminKeyFaults,
  cidrFaults,
  count,
  list,
  oneOf,
  parseRange,
  pausesFaults,
  port,
  rangeFaults,
  redisPrefixFaults,
  secretKeyFaults,
  splitList,
  text,
} from './kinds.ts';
import { type Env, optional, setting, settingsOf } from './setting.ts';
import { originFaults, redisUrlFaults } from './urls.ts';
import { workerNameFaults, workerNameOf } from './worker-name.ts';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * Every setting: its name in the config, its environment variable, what may stand there, and what it becomes. The
 * type of the config, the README's table and `sandplane config` are made from this.
 */
export const settings = {
  host: setting('SANDPLANE_HOST', text('address of the REST API', '127.0.0.1'), { faults: listenHostFaults }),
  port: setting('SANDPLANE_PORT', port('port of the REST API; 0 takes a free one', 7800)),
  grpcPort: setting('SANDPLANE_GRPC_PORT', port('port of the gRPC API, on the same address; 0 takes a free one', 7801)),
  grpcTls: {
    certificateFile: optional(
      'SANDPLANE_GRPC_TLS_CERT_FILE',
      text('a PEM file with the certificate of the gRPC API; default: cleartext'),
      { faults: fileFaults, usedBy: ['api'] },
    ),
    keyFile: optional('SANDPLANE_GRPC_TLS_KEY_FILE', text('a PEM file with the private key of that certificate'), {
      faults: fileFaults,
      usedBy: ['api'],
    }),
  },
  metricsPort: setting(
    'SANDPLANE_METRICS_PORT',
    port(
      'port of /metrics (Prometheus), /healthz and /readyz of the worker, off the public port; 0 takes a free one',
      7802,
    ),
  ),
  dataDir: optional(
    'SANDPLANE_DATA_DIR',
    text("sandbox data, embedded Redis, keys; default: the platform's state folder"),
    { read: (folder, env) => path.resolve(folder ?? defaultFolder('state', env)) },
  ),
  cacheDir: optional('SANDPLANE_CACHE_DIR', text("binaries and templates; default: the platform's cache folder"), {
    read: (folder, env) => path.resolve(folder ?? defaultFolder('cache', env)),
  }),
  diskReserveMiB: optional(
    'SANDPLANE_DISK_RESERVE_MIB',
    Type.Integer({
      description:
        'what is kept free of the disk of the data folder: with less, creates are refused; default: 1024, or a fifth of a disk of less than 5 GiB',
      minimum: 0,
      maximum: 1_000_000_000,
    }),
  ),
  adminKey: optional('SANDPLANE_ADMIN_KEY', text('the admin key; default: made at first start in the data folder'), {
    faults: adminKeyFaults,
    isSecret: true,
  }),
  secretKey: optional(
    'SANDPLANE_SECRET_KEY',
    text('seals secrets at rest: 32 bytes in base64 or hex; default: made at first start'),
    { faults: secretKeyFaults, isSecret: true },
  ),
  secretKeyFile: optional('SANDPLANE_SECRET_KEY_FILE', text('a file that holds SANDPLANE_SECRET_KEY'), {
    faults: fileFaults,
  }),
  runtime: setting(
    'SANDPLANE_RUNTIME',
    oneOf(
      ['process', 'docker'],
      'what runs sandboxes that name no runtime; either can be named where a Docker daemon answers',
      'process',
    ),
  ),
  bindAddress: setting('SANDPLANE_BIND_ADDRESS', text('the IP address that sandbox ports are opened on', '127.0.0.1'), {
    faults: bindAddressFaults,
  }),
  advertiseHost: optional(
    'SANDPLANE_ADVERTISE_HOST',
    text('the IP address or name that kubeconfigs point at; default: the bind address, 127.0.0.1 or ::1 for all'),
    { read: orReachedAt, faults: reachableHostFaults },
  ),
  probeHost: optional(
    'SANDPLANE_PROBE_HOST',
    text('where the worker itself reaches the sandbox ports; default: the bind address, 127.0.0.1 or ::1 for all'),
    { read: orReachedAt, faults: reachableHostFaults },
  ),
  portRange: setting('SANDPLANE_PORT_RANGE', text('sandbox ports, first-last', '20000-29999'), {
    read: parseRange,
    faults: rangeFaults,
  }),
  workerName: setting(
    'SANDPLANE_WORKER_NAME',
    text('the name of this host, unique among the workers', workerNameOf(hostname())),
    { faults: workerNameFaults },
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
  components: componentSettings,
  oidcFile: optional(
    'SANDPLANE_OIDC_FILE',
    text('a file with the issuers whose tokens are accepted, and what they may do'),
    { faults: fileFaults, usedBy: ['api'] },
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
    diskMiB: setting('SANDPLANE_QUOTA_DISK_MIB', count('disk of a project, by the limits of its components', 460_800)),
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
    faults: (origins) => originFaults(splitList(origins)),
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
      text(
        'the pauses between the tries of a webhook; after the last it is given up',
        '5,30,120,600,1800,3600,7200,10800,14400,18000,21600,8245',
      ),
      { read: (seconds) => splitList(seconds).map((one) => Number(one) * 1000), faults: pausesFaults },
    ),
  },
  demo: setting(
    'SANDPLANE_DEMO',
    Type.Boolean({ description: 'make a first sandbox named demo on the first start', default: true }),
  ),
  logLevel: setting('SANDPLANE_LOG_LEVEL', oneOf(logLevels, 'the least level that is logged', 'info')),
  redisPrefix: setting(
    'SANDPLANE_REDIS_PREFIX',
    text('first part of every Redis key, so that several services can share one Redis', 'sandplane'),
    { faults: redisPrefixFaults },
  ),
  redisUrl: optional(
    'REDIS_URL',
    text('a Redis to use, redis://, rediss:// or unix:///path; default: an embedded redis-server'),
    { faults: redisUrlFaults, isSecret: true },
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

function orReachedAt(host: string | undefined, env: Env): string {
  return host ?? reachedAt(env.SANDPLANE_BIND_ADDRESS);
}
