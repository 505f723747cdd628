import type { ChildProcess } from 'node:child_process';
import { end } from '../../test/support/program.ts';
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

/** It is not started any more once `signal` aborts. */
export async function startKillable(options: ServiceOptions, cleanup: Cleanup, signal: AbortSignal): Promise<Killable> {
  let child: ChildProcess | undefined;
  let service: Service;
  cleanup.add(async () => {
    if (child) await removeService(options, child);
  });
  const start = async () => {
    // What is started while all is ended would be left running.
    signal.throwIfAborted();
    service = await startService(options, (spawned) => {
      child = spawned;
    });
  };
  await start();
  return {
    send: (...request) => service.send(...request),
    signal,
    async restart() {
      if (!child) throw new Error('it does not run');
      const began = performance.now();
      await end(child, 'SIGKILL');
      await start();
      return performance.now() - began;
    },
    async killRedis() {
      process.kill(await redisPidIn(options.dataDir), 'SIGKILL');
    },
  };
}
