import path from 'node:path';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { testEnvironment } from '../support/service.ts';
import type { Problem } from './model.ts';
import { type Program, startProgram } from './program.ts';
import { createRandom } from './random.ts';
import { type Kept, keepRunning, portSettings, sandboxPorts } from './service.ts';

type Env = Record<string, string>;

/** What runs in a run: the service in one, or its API and a worker for each host. */
export interface Site {
  readonly service: Kept;
  /** Of other hosts than the API's. */
  readonly workers: readonly Kept[];
  /** Starts the service once more; null where it is in parts. */
  readonly startSecond: (() => Program) | null;
  /** The environments in which `npm run stop-all` removes what was made, one for each host. */
  readonly hosts: readonly Env[];
  /** Ends the programs. */
  stop(): Promise<void>;
  /** Ends what has to be there for stop-all. */
  close(): Promise<void>;
}

interface SiteOptions {
  readonly dataDir: string;
  readonly runtime: string;
  readonly firstPort: number;
  readonly seed: number;
  /** What the environment needs besides. */
  readonly more: Readonly<Env>;
  found(problem: Problem): void;
}

/** The data folders of hosts that share a machine. */
export function hostFolders(dataDir: string, count: number): string[] {
  return count > 1 ? Array.from({ length: count }, (_, i) => path.join(dataDir, `host${i}`)) : [dataDir];
}

function environment({ dataDir, runtime, firstPort, more }: SiteOptions): Env {
  return {
    PATH: process.env.PATH ?? '',
    HOME: dataDir,
    ...testEnvironment(dataDir, {
      ...portSettings(firstPort),
      SANDPLANE_WORKER_NAME: 'nemesis',
      SANDPLANE_RUNTIME: runtime,
      SANDPLANE_SWEEP_INTERVAL_MS: '5000',
      // All clients and the checker use one key.
      SANDPLANE_RATE_LIMIT: '1000000000',
      SANDPLANE_QUOTA_STARTS_PER_MINUTE: '1000000000',
      SANDPLANE_STORE_TIMEOUT_MS: '1000',
      SANDPLANE_LOG_LEVEL: process.env.TEST_LOG ?? 'info',
    }),
    ...more,
  };
}

/** As `npm start` runs it. */
export async function startOneHost(options: SiteOptions): Promise<Site> {
  const env = environment(options);
  const start = (more: Env = {}) => startProgram('src/main.ts', { ...env, ...more }, 'Ctrl-C stops the service');
  // By its ports it could run beside the first.
  const startSecond = () => start({ SANDPLANE_PORT: '0', SANDPLANE_GRPC_PORT: '0', SANDPLANE_METRICS_PORT: '0' });
  const service = await keepRunning('the service', start, createRandom(options.seed + 2), options.found);
  return { service, workers: [], startSecond, hosts: [env], stop: service.stop, close: async () => undefined };
}

/** As `npm run server` and `npm run worker` run it, with a Redis that all share. */
export async function startHosts(options: SiteOptions, count: number): Promise<Site> {
  const { dataDir, firstPort, seed, found } = options;
  const redis = await startEmbeddedRedis(dataDir);
  const kept: Kept[] = [];
  const keep = async (name: string, entry: string, env: Env, upLine: string) => {
    const random = createRandom(seed + 20 + kept.length);
    const one = await keepRunning(name, () => startProgram(entry, env, upLine), random, found);
    kept.push(one);
    return one;
  };
  const stop = async () => void (await Promise.all(kept.map(async (one) => await one.stop())));
  const shared = {
    ...environment(options),
    SANDPLANE_SECRET_KEY: 'a'.repeat(64),
    REDIS_URL: redis.url,
  };
  const hosts = hostFolders(dataDir, count).map((folder, i) => ({
    ...shared,
    SANDPLANE_DATA_DIR: folder,
    SANDPLANE_WORKER_NAME: path.basename(folder),
    SANDPLANE_METRICS_PORT: '0',
    SANDPLANE_PORT_RANGE: shareOf(sandboxPorts(firstPort), i, count).join('-'),
  }));
  try {
    const service = await keep('the API', 'src/server.ts', shared, '"listening"');
    const workers: Kept[] = [];
    for (const env of hosts) {
      workers.push(await keep(`the worker ${env.SANDPLANE_WORKER_NAME}`, 'workers/main.ts', env, '"working"'));
    }
    return { service, workers, startSecond: null, hosts, stop, close: redis.stop };
  } catch (error) {
    await stop();
    await redis.stop();
    throw error;
  }
}

/** Hosts on one machine have ports of their own each. */
function shareOf([first, last]: readonly [number, number], index: number, count: number): [number, number] {
  const size = Math.floor((last - first + 1) / count);
  return [first + index * size, first + (index + 1) * size - 1];
}
