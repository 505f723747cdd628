import { existsSync } from 'node:fs';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/logger.ts';
import { redisAddress } from '../../src/redis/connection.ts';
import type { Runtime } from '../../src/runtime/driver.ts';
import { fakeHostParts } from '../../src/start/fake-host.ts';
import { startHost } from '../../src/start/host.ts';
import type { WorkerFault } from './worker-process.ts';

/**
 * A worker as `npm run worker` starts it, but for sandboxes in memory. The arguments: how long a start takes, in ms, and a
 * fault (worker-process.ts) as JSON. On SIGUSR2 it prints the ids of those that run here, as JSON.
 */
const config = loadConfig(process.env);
const startMs = Number(process.argv[2]);
const fault = JSON.parse(process.argv[3] ?? 'null') as WorkerFault | null;
const parts = fakeHostParts(() => startMs);
const opened = parts.openRuntimes;
await startHost(config, redisAddress(config.redisUrl ?? ''), createLogger(config.logLevel), {
  ...parts,
  async openRuntimes(...given) {
    const open = await opened(...given);
    const { runtime } = open.runtimes.get('process') as { runtime: Runtime };
    if (fault) breakAt(runtime, fault);
    process.on('SIGUSR2', async () => {
      const found = await runtime.observe();
      const running = found.filter(({ components }) => components.every(({ state }) => state === 'running'));
      process.stdout.write(`${JSON.stringify({ running: running.map(({ sandboxId }) => sandboxId) })}\n`);
    });
    return open;
  },
});
process.stdout.write('working\n');

/** Has this process meet its fault when the runtime comes to that step. */
function breakAt(runtime: Runtime, { at, blockedUntil }: WorkerFault): void {
  const meet = (step: string) => {
    if (step !== at) return;
    if (!blockedUntil) process.kill(process.pid, 'SIGKILL');
    // Nothing else of this process runs meanwhile, not even a timer.
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(blockedUntil ?? '')) Atomics.wait(nobody, 0, 0, 50);
  };
  const { prepare, start, remove } = runtime;
  const around = async (name: string, step: () => Promise<void>) => {
    meet(`before ${name}`);
    await step();
    meet(`after ${name}`);
  };
  Object.assign(runtime, {
    prepare: (...given) => around('prepare', () => prepare(...given)),
    start: (...given) => around(`start ${given[1].name}`, () => start(...given)),
    remove: (id) => around('remove', () => remove(id)),
  } satisfies Partial<Runtime>);
}
