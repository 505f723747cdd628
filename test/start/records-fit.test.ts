import { rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import t from 'tap';
import type { Presence } from '../../src/reconcile/presence.ts';
import { redisKeys } from '../../src/redis/keys.ts';
import type { Runtime } from '../../src/runtime/driver.ts';
import type { Store } from '../../src/sandbox/store.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { checkRecordsFit, knownSandboxes } from '../../src/start/records-fit.ts';
import { temporaryFolder } from '../support/service.ts';

const dataDir = await temporaryFolder();
const server = await startEmbeddedRedis(dataDir);
const redis = new Redis(server.socket);
t.teardown(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

t.test(
  'what a daemon runs that was away when another Redis was set is not taken for orphans when it is back',
  async (t) => {
    const fit = { redis, keys: redisKeys('test'), host: 'here' };
    let running = 2;
    const docker = { observe: async () => Array(running).fill({}) } as unknown as Runtime;
    const presence = { away: () => 'Docker does not answer' } as Presence;
    const runtimes = new Map([['docker', { runtime: docker, presence }]]) as never;
    await checkRecordsFit({ ...fit, id: 'folder', runtimes });
    await checkRecordsFit({ ...fit, id: 'folder', runtimes });
    const known = knownSandboxes({ ...fit, store: {} as Store });
    t.match(await known.refuse('docker', docker), /This Redis knows nothing of the 2 sandboxes on here/);
    running = 0;
    t.equal(await known.refuse('docker', docker), null);
    running = 1;
    t.equal(await known.refuse('docker', docker), null, 'from then on they are known');
  },
);
