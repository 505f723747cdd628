import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/logger.ts';
import type { Problem } from '../../src/schemas/problem.ts';
import type { Sandbox } from '../../src/schemas/sandbox.ts';
import { startApi } from '../../src/start/api.ts';
import { makeFolders } from '../../src/start/data-folder.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { startHost } from '../../src/start/host.ts';
import { createProcessMetrics, serveMetrics } from '../../src/start/metrics-port.ts';
import { usualFileModes } from '../../src/start/program.ts';
import { until } from './until.ts';

export const testAdminKey = 'sp_admin_only-for-tests-0123456789';

/** A temporary folder that sandbox users can pass through. Its path is short, as paths of Unix sockets have to be. */
export async function temporaryFolder(): Promise<string> {
  // Tests make the parts of the service in their own process, without an entry point.
  usualFileModes();
  const dir = await mkdtemp(path.join(tmpdir(), 'sp-'));
  await chmod(dir, 0o711);
  return dir;
}

/** The settings of a test: a data folder and ports of its own, and the usual cache of binaries. */
export function testEnvironment(dataDir: string, more: Record<string, string> = {}): Record<string, string> {
  const cache = process.env.SANDPLANE_CACHE_DIR;
  return {
    SANDPLANE_DATA_DIR: dataDir,
    ...(cache ? { SANDPLANE_CACHE_DIR: cache } : {}),
    SANDPLANE_ADMIN_KEY: testAdminKey,
    SANDPLANE_PORT: '0',
    SANDPLANE_GRPC_PORT: '0',
    SANDPLANE_METRICS_PORT: '0',
    SANDPLANE_WORKER_NAME: 'test',
    SANDPLANE_SWEEP_INTERVAL_MS: '500',
    // Longer than users should wait, since the disk of a busy machine may not answer for seconds.
    SANDPLANE_STORE_TIMEOUT_MS: '15000',
    SANDPLANE_RUNTIME: 'process',
    SANDPLANE_DEMO: 'false',
    SANDPLANE_LOG_LEVEL: process.env.TEST_LOG ?? 'silent',
    ...more,
  };
}

export interface TestService {
  readonly config: Config;
  readonly client: Client;
  readonly redisSocket: string;
  /** The address of gRPC, as host:port. */
  grpcAddress(): string;
  /** Where /metrics, /healthz and /readyz of the worker are. */
  metricsUrl(): string;
  /** Stops API and worker and starts them again; `meanwhile` is done when they have stopped. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  /** Deletes all sandboxes, then stops and removes everything. */
  close(): Promise<void>;
}

/** A whole service in this process, with a redis-server of its own. */
export async function startTestService(more: Record<string, string> = {}): Promise<TestService> {
  const dataDir = await temporaryFolder();
  const config = loadConfig(testEnvironment(dataDir, more));
  await makeFolders(config);
  const logger = createLogger(config.logLevel);
  const redis = await startEmbeddedRedis(config.dataDir);
  const open = async () => {
    const host = await startHost(config, redis.address, logger);
    await host.prepared;
    const metrics = await serveMetrics(config, { ...host, registry: createProcessMetrics() });
    const api = await startApi(config, redis.address, logger);
    return { host, metrics, api };
  };
  let running = await open();
  const client = createClient(() => running.api.url);
  const stop = async () => {
    await running.api.close();
    await running.metrics.close();
    await running.host.close();
  };
  return {
    config,
    client,
    grpcAddress: () => running.api.grpcAddress,
    redisSocket: redis.socket,
    metricsUrl: () => running.metrics.url,
    async restart(meanwhile) {
      await stop();
      await meanwhile?.();
      running = await open();
    },
    async close() {
      await client.deleteAll();
      await stop();
      await redis.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

type Client = ReturnType<typeof createClient>;

/** A client of the REST API that hides nothing of the answers. */
export function createClient(url: () => string, key = testAdminKey) {
  async function call<Body = Sandbox & Problem>(
    method: string,
    target: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    const response = await fetch(`${url()}${target}`, {
      method,
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body };
  }

  const create = (body: object = {}) => call('POST', '/v1/sandboxes', body, { prefer: 'wait=120' });
  const get = (id: string) => call('GET', `/v1/sandboxes/${id}`);
  const kubeconfig = async (id: string) => (await call<string>('GET', `/v1/sandboxes/${id}/kubeconfig`)).body;
  const waitFor = (id: string, phase: string, timeout = 60) =>
    call('GET', `/v1/sandboxes/${id}/wait?for=${phase}&timeout=${timeout}`);
  /** Waits for a restart by its count, as the phase `degraded` may be over before the first request sees it. */
  const waitForRestart = async (id: string, before: number) => {
    await until(async () => ((await get(id)).body.status?.restarts ?? 0) > before);
    return await waitFor(id, 'ready');
  };
  const remove = async (id: string) => {
    await call('DELETE', `/v1/sandboxes/${id}`);
    return await waitFor(id, 'deleted');
  };
  const list = () => call<{ items: Sandbox[]; nextCursor: string | null }>('GET', '/v1/sandboxes?limit=500');
  const deleteAll = async () => {
    const { body } = await list();
    await Promise.all(body.items.map(({ id }) => remove(id)));
  };
  const authorization: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {};
  return { authorization, call, create, get, kubeconfig, waitFor, waitForRestart, remove, list, deleteAll, url };
}
