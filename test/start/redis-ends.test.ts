import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { startEmbeddedRedis } from '../../src/start/embedded-redis.ts';
import { temporaryFolder, testEnvironment } from '../support/service.ts';
import { socketProxy } from '../support/socket-proxy.ts';

t.setTimeout(120_000);
const dir = await temporaryFolder();
const redis = await startEmbeddedRedis(dir);
const socket = path.join(dir, 'proxy.sock');
const proxy = socketProxy(socket, path.join(dir, 'redis', 'redis.sock'));
t.teardown(async () => {
  await proxy.leave();
  await redis.stop();
  await rm(dir, { recursive: true, force: true });
});

t.test('an API whose Redis ends while it starts says so in a sentence', async (t) => {
  await proxy.comeBack();
  // It asks for the default project when it has connected.
  const lost = proxy.loseAnswerTo(/\r\neval/i);
  const env = { ...testEnvironment(dir), REDIS_URL: `unix://${socket}` };
  const starting = execa(process.execPath, ['src/server.ts'], { env, reject: false });
  await lost;
  const { exitCode, stderr } = await starting;
  t.equal(exitCode, 1);
  t.match(stderr, /^Redis stopped answering while this was starting \([^\n]+$/);
});
