import { availableParallelism, hostname } from 'node:os';
import Type from 'typebox';

const port = (description: string, fallback: number) =>
  Type.Integer({ description, default: fallback, minimum: 0, maximum: 65535 });
const text = (description: string, fallback: string) => Type.String({ description, default: fallback, minLength: 1 });
const optionalText = (description: string) => Type.Optional(Type.String({ description, minLength: 1 }));

const count = (description: string, fallback: number, minimum = 0) =>
  Type.Integer({ description, default: fallback, minimum, maximum: 1_000_000_000 });
const list = (description: string) => Type.String({ description: `${description}; separated by commas`, default: '' });

/** Every setting, as its environment variable. The README's table and `sandplane config` are made from this. */
export const Environment = Type.Object({
  SANDPLANE_HOST: text('address of the REST API', '127.0.0.1'),
  SANDPLANE_PORT: port('port of the REST API; 0 takes a free one', 8080),
  SANDPLANE_GRPC_PORT: port('port of the gRPC API, on the same address; 0 takes a free one', 8081),
  SANDPLANE_GRPC_TLS_CERT_FILE: optionalText('a PEM file with the certificate of the gRPC API; default: cleartext'),
  SANDPLANE_GRPC_TLS_KEY_FILE: optionalText('a PEM file with the private key of that certificate'),
  SANDPLANE_METRICS_PORT: port('port of /healthz for probes, off the public port; 0 takes a free one', 9464),
  SANDPLANE_DATA_DIR: optionalText("sandbox data, embedded Redis, keys; default: the platform's state folder"),
  SANDPLANE_CACHE_DIR: optionalText("binaries and templates; default: the platform's cache folder"),
  SANDPLANE_ADMIN_KEY: Type.Optional(
    Type.String({ description: 'the admin key; default: made at first start in the data folder', minLength: 16 }),
  ),
  SANDPLANE_SECRET_KEY: Type.Optional(
    Type.String({
      description: 'seals secrets at rest: 32 bytes in base64 or hex; default: made at first start',
      minLength: 43,
    }),
  ),
  SANDPLANE_SECRET_KEY_FILE: optionalText('a file that holds SANDPLANE_SECRET_KEY'),
  SANDPLANE_RUNTIME: Type.Union([Type.Literal('auto'), Type.Literal('process'), Type.Literal('docker')], {
    description: 'what runs sandboxes by default; auto: docker where a daemon answers, else process',
    default: 'auto',
  }),
  SANDPLANE_ADVERTISE_HOST: text('the host that kubeconfigs point at', '127.0.0.1'),
  SANDPLANE_BIND_ADDRESS: text('the address that sandbox ports are opened on', '127.0.0.1'),
  SANDPLANE_PROBE_HOST: text('where the worker itself reaches the sandbox ports', '127.0.0.1'),
  SANDPLANE_PORT_RANGE: Type.String({
    description: 'sandbox ports, first-last',
    default: '20000-29999',
    pattern: '^\\d{1,5}-\\d{1,5}$',
  }),
  SANDPLANE_WORKER_NAME: Type.String({
    description: 'the name of this host, unique among the workers',
    default: hostnameLabel(),
    pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  }),
  SANDPLANE_START_CONCURRENCY: Type.Integer({
    description: 'sandboxes started at the same time on this host; a start is 1-3 s of CPU',
    default: availableParallelism(),
    minimum: 1,
    maximum: 1024,
  }),
  SANDPLANE_SWEEP_INTERVAL_MS: Type.Integer({
    description: 'how often every sandbox of this host is compared with its record',
    default: 5000,
    minimum: 100,
    maximum: 600_000,
  }),
  SANDPLANE_UID_BASE: Type.Integer({
    description: 'first user id for sandbox processes when the service runs as root',
    default: 900_000,
    minimum: 1000,
    maximum: 2_000_000_000,
  }),
  SANDPLANE_COMPONENT_SOURCES: Type.String({
    description: 'where components come from, tried in this order after the cache',
    default: 'folder,image,release,build',
    pattern: '^(folder|image|release|build)(,(folder|image|release|build))*$',
  }),
  SANDPLANE_COMPONENTS_DIR: optionalText('a folder with kube-apiserver and etcd binaries of your own'),
  SANDPLANE_IMAGE_REGISTRY: text('the registry of the component images', 'registry.k8s.io'),
  SANDPLANE_KUBERNETES_RELEASE_URL: text('base URL of Kubernetes releases', 'https://dl.k8s.io'),
  SANDPLANE_ETCD_RELEASE_URL: text('base URL of etcd releases', 'https://github.com/etcd-io/etcd/releases/download'),
  SANDPLANE_OIDC_FILE: optionalText('a file with the issuers whose tokens are accepted, and what they may do'),
  SANDPLANE_RATE_LIMIT: count('requests of a project in a minute, for each API process', 6000, 1),
  SANDPLANE_QUOTA_SANDBOXES: count('sandboxes of a project that has no limit of its own', 100),
  SANDPLANE_QUOTA_AWAKE: count('those of them that run or may run', 50),
  SANDPLANE_QUOTA_STARTS_PER_MINUTE: count(
    'creates of a project: so many at once, and then so many in each minute',
    120,
    1,
  ),
  SANDPLANE_QUOTA_MAX_TTL_SECONDS: count('the longest time to live; 0: no limit', 0),
  SANDPLANE_QUOTA_MEMORY_MIB: count('memory of a project, by the limits of its components', 153_600),
  SANDPLANE_QUOTA_DISK_MIB: count('disk of a project, by the limits of its components', 256_000),
  SANDPLANE_WATCHES_PER_PROJECT: count('open watches of a project, for each API process', 2500, 1),
  SANDPLANE_WATCHES: count('open watches in all, for each API process', 10_000, 1),
  SANDPLANE_FEED_LENGTH: count('changes of a project that a watch can go back', 5000, 10),
  SANDPLANE_CORS_ORIGINS: list('origins of web pages that may call the API, or *'),
  SANDPLANE_TRUSTED_PROXIES: list('proxies whose X-Forwarded-For is believed, as CIDRs'),
  SANDPLANE_WEBHOOK_ALLOWED_RANGES: list('addresses that are not public and that webhooks may go to, as CIDRs'),
  SANDPLANE_WEBHOOK_RETRY_SECONDS: Type.String({
    description: 'the pauses between the tries of a webhook; after the last it is given up',
    default: '5,30,120,600,1800,3600,7200,10800,14400,18000,21600,8245',
    pattern: '^\\d{1,6}(\\.\\d{1,3})?(,\\d{1,6}(\\.\\d{1,3})?){0,99}$',
  }),
  SANDPLANE_DEMO: Type.Boolean({ description: 'make a first sandbox named demo on the first start', default: true }),
  SANDPLANE_LOG_LEVEL: Type.Union(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map((level) => Type.Literal(level)),
    { description: 'the least level that is logged', default: 'info' },
  ),
  SANDPLANE_REDIS_PREFIX: Type.String({
    description: 'first part of every Redis key, so that several services can share one Redis',
    default: 'sandplane',
    pattern: '^[a-zA-Z0-9_-]{1,64}$',
  }),
  REDIS_URL: Type.Optional(
    Type.String({
      description: 'a Redis to use, redis://, rediss:// or unix:///path; default: an embedded redis-server',
      pattern: '^(rediss?|unix)://',
    }),
  ),
  SANDPLANE_REDIS_MEMORY_MIB: Type.Optional(
    Type.Integer({
      description: "memory of the embedded Redis at most; default: half of the machine's",
      minimum: 16,
      maximum: 16_777_216,
    }),
  ),
  SANDPLANE_STORE_TIMEOUT_MS: Type.Integer({
    description: 'how long a request waits for Redis before it is answered by 503',
    default: 1000,
    minimum: 100,
    maximum: 60_000,
  }),
});

export type Environment = Type.Static<typeof Environment>;

/** Name, default and meaning of every setting, in the order of the table. */
export function describeSettings(): { name: string; default: string; description: string }[] {
  return Object.entries(Environment.properties).map(([name, schema]) => {
    const { default: fallback, description } = schema as { default?: unknown; description?: string };
    return { name, default: fallback === undefined ? '' : String(fallback), description: description ?? '' };
  });
}

function hostnameLabel(): string {
  const label = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return label || 'worker-1';
}
