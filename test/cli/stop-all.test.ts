import { rm } from 'node:fs/promises';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import t from 'tap';
import { recordFields } from '../../src/redis/fields.ts';
import { redisKeys } from '../../src/redis/keys.ts';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';

const dataDir = await temporaryFolder();
t.teardown(() => rm(dataDir, { recursive: true, force: true }));
// Nothing listens at port 1.
const env = testEnvironment(dataDir, { DOCKER_HOST: 'tcp://127.0.0.1:1' });
const stopAll = () => execa(process.execPath, ['src/cli/stop-all.ts'], { env, all: true, reject: false });

/** A record as far as it is looked at. */
async function writeRecord(id: string, runtime: string): Promise<void> {
  const { address } = await startEmbeddedRedis(dataDir);
  const redis = new Redis((address as { path: string }).path);
  const keys = redisKeys('sandplane');
  await redis.hset(keys.sandbox(id), recordFields.resource, JSON.stringify({ id, status: { runtime } }));
  await redis.zadd(keys.hostIndex('test'), 0, id);
  redis.disconnect();
}

t.test('sandboxes in a Docker that does not answer are not forgotten', async (t) => {
  await writeRecord('sb-in-docker', 'docker');
  const refused = await stopAll();
  t.equal(refused.exitCode, 1);
  t.equal(
    refused.all,
    'No Docker daemon answers, and it has sandboxes of this service (1). Start it, or set DOCKER_HOST right, and try again.',
  );
  await writeRecord('sb-in-docker', 'process');
  t.match(await stopAll(), { exitCode: 0, all: /^Removed\./ });
});
