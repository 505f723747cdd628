import path from 'node:path';
import ipaddr from 'ipaddr.js';
import { Value } from 'typebox/value';
import { AppError } from '../errors.ts';
import type { Quotas } from '../schemas/project.ts';
import { defaultFolder } from './default-folders.ts';
import { Environment } from './settings.ts';

export type ComponentSource = 'folder' | 'image' | 'release' | 'build';

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly grpcPort: number;
  /** PEM files; null: cleartext. */
  readonly grpcTls: { readonly certificateFile: string; readonly keyFile: string } | null;
  readonly metricsPort: number;
  readonly dataDir: string;
  readonly cacheDir: string;
  readonly adminKey: string | undefined;
  readonly secretKey: string | undefined;
  readonly secretKeyFile: string | undefined;
  readonly runtime: 'auto' | 'process' | 'docker';
  readonly advertiseHost: string;
  readonly bindAddress: string;
  readonly probeHost: string;
  readonly portRange: { readonly first: number; readonly last: number };
  readonly workerName: string;
  readonly startConcurrency: number;
  readonly sweepIntervalMs: number;
  readonly uidBase: number;
  readonly components: {
    readonly sources: readonly ComponentSource[];
    readonly folder: string | undefined;
    readonly imageRegistry: string;
    readonly kubernetesReleaseUrl: string;
    readonly etcdReleaseUrl: string;
  };
  readonly oidcFile: string | undefined;
  /** Requests of a project in a minute. */
  readonly rateLimit: number;
  readonly quotas: Quotas;
  readonly watches: { readonly project: number; readonly all: number };
  readonly feedLength: number;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly webhooks: { readonly allowedRanges: readonly string[]; readonly pausesMs: readonly number[] };
  readonly demo: boolean;
  readonly logLevel: string;
  readonly redisPrefix: string;
  readonly redisUrl: string | undefined;
  /** Of the embedded one. */
  readonly redisMemoryMiB: number | undefined;
  readonly storeTimeoutMs: number;
}

/** What users of the service set for themselves (docs/test-helpers.md). They may stand beside the settings. */
const ofClients = ['SANDPLANE_URL', 'SANDPLANE_KEY'];

/** Reads and checks the settings. Pure. Throws `config_invalid` with every fault at once. */
export function loadConfig(env: Record<string, string | undefined>): Config {
  const known = Object.keys(Environment.properties);
  // An empty value counts as unset, as compose files write it for a variable nobody gave.
  const given = Object.fromEntries(known.filter((name) => env[name]).map((name) => [name, env[name]]));
  const value = Value.Convert(Environment, Value.Default(Environment, given));
  const faults = [
    ...Value.Errors(Environment, value).map((error) => ({ pointer: error.instancePath, detail: error.message })),
    ...Object.keys(env)
      .filter((name) => name.startsWith('SANDPLANE_') && ![...known, ...ofClients].includes(name))
      .map((name) => ({ pointer: `/${name}`, detail: 'is not a setting; see the table of settings in the README' })),
  ];
  if (faults.length === 0) faults.push(...crossFieldFaults(value as Environment));
  if (faults.length > 0) {
    const lines = faults.map((fault) => `  ${fault.pointer.slice(1)} ${fault.detail}`);
    throw new AppError('config_invalid', `The settings are invalid:\n${lines.join('\n')}`, { faults });
  }
  return toConfig(value as Environment, env);
}

function crossFieldFaults(env: Environment): { pointer: string; detail: string }[] {
  const range = parseRange(env.SANDPLANE_PORT_RANGE);
  if (range.first < 1024 || range.last > 65535 || range.first > range.last) {
    return [{ pointer: '/SANDPLANE_PORT_RANGE', detail: 'must be first-last within 1024-65535, as 20000-29999' }];
  }
  return [
    ...tlsFaults(env),
    ...cidrFaults('SANDPLANE_TRUSTED_PROXIES', env),
    ...cidrFaults('SANDPLANE_WEBHOOK_ALLOWED_RANGES', env),
  ];
}

function cidrFaults(name: 'SANDPLANE_TRUSTED_PROXIES' | 'SANDPLANE_WEBHOOK_ALLOWED_RANGES', env: Environment) {
  const wrong = splitList(env[name]).filter((range) => !ipaddr.isValidCIDR(range));
  return wrong.map((range) => ({ pointer: `/${name}`, detail: `${range} is not a CIDR, as 10.0.0.0/8 or fd00::/8` }));
}

function tlsFaults(env: Environment) {
  const names = ['SANDPLANE_GRPC_TLS_CERT_FILE', 'SANDPLANE_GRPC_TLS_KEY_FILE'] as const;
  const missing = names.filter((name) => env[name] === undefined);
  if (missing.length !== 1) return [];
  return [{ pointer: `/${missing[0]}`, detail: 'is missing: certificate and key are set together, or neither' }];
}

function toTls(env: Environment): Config['grpcTls'] {
  const { SANDPLANE_GRPC_TLS_CERT_FILE: certificateFile, SANDPLANE_GRPC_TLS_KEY_FILE: keyFile } = env;
  return certificateFile && keyFile ? { certificateFile, keyFile } : null;
}

function toConfig(env: Environment, raw: Record<string, string | undefined>): Config {
  return Object.freeze({
    host: env.SANDPLANE_HOST,
    port: env.SANDPLANE_PORT,
    grpcPort: env.SANDPLANE_GRPC_PORT,
    grpcTls: toTls(env),
    metricsPort: env.SANDPLANE_METRICS_PORT,
    dataDir: path.resolve(env.SANDPLANE_DATA_DIR ?? defaultFolder('state', raw)),
    cacheDir: path.resolve(env.SANDPLANE_CACHE_DIR ?? defaultFolder('cache', raw)),
    adminKey: env.SANDPLANE_ADMIN_KEY,
    secretKey: env.SANDPLANE_SECRET_KEY,
    secretKeyFile: env.SANDPLANE_SECRET_KEY_FILE,
    runtime: env.SANDPLANE_RUNTIME,
    advertiseHost: env.SANDPLANE_ADVERTISE_HOST,
    bindAddress: env.SANDPLANE_BIND_ADDRESS,
    probeHost: env.SANDPLANE_PROBE_HOST,
    portRange: parseRange(env.SANDPLANE_PORT_RANGE),
    workerName: env.SANDPLANE_WORKER_NAME,
    startConcurrency: env.SANDPLANE_START_CONCURRENCY,
    sweepIntervalMs: env.SANDPLANE_SWEEP_INTERVAL_MS,
    uidBase: env.SANDPLANE_UID_BASE,
    components: {
      sources: env.SANDPLANE_COMPONENT_SOURCES.split(',') as ComponentSource[],
      folder: env.SANDPLANE_COMPONENTS_DIR,
      imageRegistry: env.SANDPLANE_IMAGE_REGISTRY,
      kubernetesReleaseUrl: env.SANDPLANE_KUBERNETES_RELEASE_URL,
      etcdReleaseUrl: env.SANDPLANE_ETCD_RELEASE_URL,
    },
    oidcFile: env.SANDPLANE_OIDC_FILE,
    rateLimit: env.SANDPLANE_RATE_LIMIT,
    quotas: {
      sandboxes: env.SANDPLANE_QUOTA_SANDBOXES,
      awake: env.SANDPLANE_QUOTA_AWAKE,
      startsPerMinute: env.SANDPLANE_QUOTA_STARTS_PER_MINUTE,
      maxTtlSeconds: env.SANDPLANE_QUOTA_MAX_TTL_SECONDS || null,
      memoryMiB: env.SANDPLANE_QUOTA_MEMORY_MIB,
      diskMiB: env.SANDPLANE_QUOTA_DISK_MIB,
    },
    watches: { project: env.SANDPLANE_WATCHES_PER_PROJECT, all: env.SANDPLANE_WATCHES },
    feedLength: env.SANDPLANE_FEED_LENGTH,
    corsOrigins: splitList(env.SANDPLANE_CORS_ORIGINS),
    trustedProxies: splitList(env.SANDPLANE_TRUSTED_PROXIES),
    webhooks: {
      allowedRanges: splitList(env.SANDPLANE_WEBHOOK_ALLOWED_RANGES),
      pausesMs: splitList(env.SANDPLANE_WEBHOOK_RETRY_SECONDS).map((seconds) => Number(seconds) * 1000),
    },
    demo: env.SANDPLANE_DEMO,
    logLevel: env.SANDPLANE_LOG_LEVEL as string,
    redisPrefix: env.SANDPLANE_REDIS_PREFIX,
    redisUrl: env.REDIS_URL,
    redisMemoryMiB: env.SANDPLANE_REDIS_MEMORY_MIB,
    storeTimeoutMs: env.SANDPLANE_STORE_TIMEOUT_MS,
  });
}

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
}

function parseRange(value: string): { first: number; last: number } {
  const [first = 0, last = 0] = value.split('-').map(Number);
  return { first, last };
}
