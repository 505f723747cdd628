import { rm } from 'node:fs/promises';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/logger.ts';
import { startApi } from '../../src/start/api.ts';
import { makeFolders } from '../../src/start/data-folder.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { createClient, temporaryFolder, testEnvironment } from './service.ts';
import { startWorkerProcess, type WorkerFault, type WorkerProcess } from './worker-process.ts';

/** An API and a Redis for hosts that are processes of their own; `startWorker` makes one whose sandboxes are in memory. */
export async function startHosts() {
  const dataDir = await temporaryFolder();
  const redis = await startEmbeddedRedis(dataDir);
  const environment = {
    ...testEnvironment(dataDir, { SANDPLANE_START_CONCURRENCY: '2', SANDPLANE_SECRET_KEY: 'a'.repeat(64) }),
    REDIS_URL: redis.url,
  };
  const config = loadConfig(environment);
  await makeFolders(config);
  const workers: WorkerProcess[] = [];
  const api = await startApi(config, redis.address, createLogger(config.logLevel));
  const client = createClient(() => api.url);
  /** With a data folder of its own, as on a machine of its own. */
  const environmentOf = (name: string): Record<string, string> => ({
    ...environment,
    SANDPLANE_DATA_DIR: `${dataDir}/${name}`,
    SANDPLANE_WORKER_NAME: name,
  });
  return {
    config,
    redisSocket: redis.socket,
    environmentOf,
    client,
    redisAddress: redis.address,
    workers,
    async startWorker(
      name: string,
      startMs: number,
      settings: Record<string, string> = {},
      fault?: WorkerFault,
    ): Promise<WorkerProcess> {
      const options = { startMs, ...(fault ? { fault } : {}) };
      const worker = await startWorkerProcess(name, { ...environmentOf(name), ...settings }, options);
      workers.push(worker);
      return worker;
    },
    async close(): Promise<void> {
      for (const worker of workers) worker.kill('SIGKILL');
      await api.close();
      await redis.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
