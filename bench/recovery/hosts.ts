import path from 'node:path';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { end } from '../../test/support/program.ts';
import type { Cleanup } from '../cleanup.ts';
import { type Program, startProgram } from '../program.ts';
import { callerOf, serviceEnvironment } from '../service.ts';
import { makeServiceFolder, obtainBinaries } from '../service-folder.ts';
import { templateMade } from '../set-up.ts';
import type { Client } from './insist.ts';

const names = ['first', 'second'] as const;
export type HostName = (typeof names)[number];

export interface Hosts {
  readonly client: Client;
  kill(host: HostName): Promise<void>;
  start(host: HostName): Promise<void>;
}

/** An API, as `npm run server` starts it, and two workers, as `npm run worker` does, each a host of its own with one start at a time. */
export async function startHosts(cleanup: Cleanup, signal: AbortSignal): Promise<Hosts> {
  const { folder, options } = await makeServiceFolder(cleanup, await obtainBinaries(signal));
  const redis = await startEmbeddedRedis(folder);
  cleanup.add(redis.stop);
  const environment = {
    ...serviceEnvironment(options),
    REDIS_URL: redis.url,
    SANDPLANE_SECRET_KEY: 'a'.repeat(64),
    SANDPLANE_START_CONCURRENCY: '1',
    SANDPLANE_LOG_LEVEL: 'info',
  };
  const running = new Map<HostName, Program>();
  const start = async (host: HostName) => {
    // What is started while all is ended would be left running.
    signal.throwIfAborted();
    const number = names.indexOf(host);
    const own = {
      SANDPLANE_WORKER_NAME: host,
      SANDPLANE_DATA_DIR: path.join(folder, host),
      SANDPLANE_PORT_RANGE: `${19_000 + 500 * number}-${19_499 + 500 * number}`,
      SANDPLANE_UID_BASE: String(1_900_000 + 10_000 * number),
    };
    running.set(host, await startProgram(cleanup, ['workers/main.ts'], { ...environment, ...own }, /"working"/));
  };
  for (const host of names) await start(host);
  await templateMade(options.cacheDir, signal);
  const { found } = await startProgram(cleanup, ['src/server.ts'], environment, /"url":"(http[^"]+)"/);
  return {
    client: { send: callerOf(found[0] ?? '').send, signal },
    start,
    async kill(host) {
      const child = running.get(host)?.child;
      if (!child) throw new Error(`${host} does not run`);
      await end(child, 'SIGKILL');
    },
  };
}
