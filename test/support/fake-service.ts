import { rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/logger.ts';
import { type RunningApi, startApi } from '../../src/start/api.ts';
import { makeFolders } from '../../src/start/data-folder.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { fakeHostParts } from '../../src/start/fake-host.ts';
import { startHost } from '../../src/start/host.ts';
import { createClient, temporaryFolder, testAdminKey, testEnvironment } from './service.ts';

export interface FakeService {
  readonly config: Config;
  /** A client with the service's admin key, in the project `default`. */
  readonly admin: ReturnType<typeof createClient>;
  readonly redis: Redis;
  /** The environment for another process of the same service. */
  readonly environment: Record<string, string>;
  url(): string;
  grpcAddress(): string;
  /** Makes a project and returns a client with a key of it. */
  project(name: string, scopes?: string[], quotas?: object): Promise<ReturnType<typeof createClient>>;
  /** A client with another key. */
  as(key: string): ReturnType<typeof createClient>;
  /** Starts another API on the same Redis. */
  anotherApi(): Promise<RunningApi>;
  close(): Promise<void>;
}

/** A whole service with HTTP, Redis, queue and worker, whose sandboxes are in memory. */
export async function startFakeService(
  more: Record<string, string> = {},
  { startMs, runtimes }: { startMs?: () => number; runtimes?: readonly string[] } = {},
): Promise<FakeService> {
  const dataDir = await temporaryFolder();
  const config = loadConfig(testEnvironment(dataDir, more));
  await makeFolders(config);
  const logger = createLogger(config.logLevel);
  const redisServer = await startEmbeddedRedis(config.dataDir);
  const host = await startHost(config, redisServer.address, logger, fakeHostParts(startMs, runtimes));
  const api = await startApi(config, redisServer.address, logger);
  const others: RunningApi[] = [];
  const redis = new Redis(redisServer.socket);
  const url = () => api.url;
  const as = (key: string) => createClient(url, key);
  const admin = as(testAdminKey);
  return {
    config,
    admin,
    redis,
    environment: { ...testEnvironment(dataDir, more), REDIS_URL: redisServer.url },
    url,
    grpcAddress: () => api.grpcAddress,
    as,
    async project(name, scopes = ['admin'], quotas = {}) {
      await admin.call('POST', '/v1/projects', { name, quotas });
      const { body } = await admin.call<{ secret: string }>('POST', `/v1/projects/${name}/keys`, {
        name: 'test',
        scopes,
      });
      return as(body.secret);
    },
    async anotherApi() {
      const another = await startApi(config, redisServer.address, logger);
      others.push(another);
      return another;
    },
    async close() {
      for (const running of [api, ...others]) await running.close();
      await host.close();
      redis.disconnect();
      await redisServer.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
