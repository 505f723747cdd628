import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/logger.ts';
import { redisAddress } from '../../src/redis/connection.ts';
import { fakeHostParts } from '../../src/start/fake-host.ts';
import { startHost } from '../../src/start/host.ts';

/**
 * A worker as `npm run worker` starts it, but for sandboxes in memory. The argument: how long a start takes, in ms. On
 * SIGUSR2 it prints the ids of those that run here, as JSON.
 */
const config = loadConfig(process.env);
const startMs = Number(process.argv[2]);
const parts = fakeHostParts(() => startMs);
const opened = parts.openRuntimes;
await startHost(config, redisAddress(config.redisUrl ?? ''), createLogger(config.logLevel), {
  ...parts,
  async openRuntimes(...given) {
    const open = await opened(...given);
    process.on('SIGUSR2', async () => {
      const found = await open.runtimes.get('process')?.runtime.observe();
      const running = found?.filter(({ components }) => components.every(({ state }) => state === 'running'));
      process.stdout.write(`${JSON.stringify({ running: running?.map(({ sandboxId }) => sandboxId) })}\n`);
    });
    return open;
  },
});
process.stdout.write('working\n');
