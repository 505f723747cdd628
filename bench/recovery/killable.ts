import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Cleanup } from '../cleanup.ts';
import { redisPidIn, removeService, type Service, type ServiceOptions, startService } from '../service.ts';
import type { Client } from './insist.ts';

/** A service that is killed and started again, on the same data. */
export interface Killable extends Client {
  /** Kills the process of API and worker, not its Redis and not its sandboxes, and starts it again at once. Returns the ms until it listens. */
  restart(): Promise<number>;
  /** Kills its Redis. */
  killRedis(): Promise<void>;
}

export async function startKillable(options: ServiceOptions, cleanup: Cleanup): Promise<Killable> {
  let child: ChildProcess | undefined;
  let service: Service;
  cleanup.add(async () => {
    if (child) await removeService(options, child);
  });
  const start = async () => {
    service = await startService(options, (spawned) => {
      child = spawned;
    });
  };
  await start();
  return {
    send: (...request) => service.send(...request),
    async restart() {
      if (!child) throw new Error('it does not run');
      const began = performance.now();
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await start();
      return performance.now() - began;
    },
    async killRedis() {
      process.kill(await redisPidIn(options.dataDir), 'SIGKILL');
    },
  };
}
