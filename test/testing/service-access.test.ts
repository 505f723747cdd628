import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { freePort } from '../../src/runtime/ports.ts';
import { createSandbox } from '../../src/testing/create-sandbox.ts';
import { findService } from '../../src/testing/service-access.ts';

const dataDir = await mkdtemp(path.join(tmpdir(), 'sp-'));
t.teardown(() => rm(dataDir, { recursive: true, force: true }));
const local = { SANDPLANE_DATA_DIR: dataDir };

t.test('the service of this machine is the default', async (t) => {
  await t.rejects(findService({}, local), { code: 'no_key', message: /admin\.key is not there.*npm start/ });
  await writeFile(path.join(dataDir, 'admin.key'), 'sp_admin_from-the-file\n', { mode: 0o600 });
  t.match(await findService({}, local), { url: { href: 'http://127.0.0.1:7800/' }, key: 'sp_admin_from-the-file' });
  const settings = { SANDPLANE_PORT: '9090', SANDPLANE_ADMIN_KEY: 'sp_admin_as-set' };
  t.match(await findService({}, { ...local, ...settings }), {
    url: { href: 'http://127.0.0.1:9090/' },
    key: 'sp_admin_as-set',
  });
});

t.test('what is given comes before the environment, and that before the default', async (t) => {
  const env = { ...local, SANDPLANE_URL: 'https://sandplane.example.com/api', SANDPLANE_KEY: 'of the environment' };
  t.match(await findService({}, env), {
    url: { href: 'https://sandplane.example.com/api/' },
    key: 'of the environment',
  });
  const given = { url: 'http://[::1]:1', key: 'given' };
  t.match(await findService(given, env), { url: { href: 'http://[::1]:1/' }, key: 'given' });
});

t.test('the admin key of this machine is sent to no other', async (t) => {
  for (const url of ['https://sandplane.example.com', 'http://127.0.0.1.example.com', 'http://localhost@example.com']) {
    await t.rejects(findService({ url }, local), { code: 'no_key', message: /Set SANDPLANE_KEY/ });
  }
});

t.test('what is wrong is told with its remedy', async (t) => {
  for (const url of ['127.0.0.1:7800', 'ftp://x', '']) {
    await t.rejects(findService({ url }, local), { code: 'bad_url', message: /SANDPLANE_URL must be/ });
  }
  const url = `http://127.0.0.1:${await freePort()}`;
  const started = performance.now();
  await t.rejects(createSandbox({ url, key: 'k' }), {
    code: 'unreachable',
    message: new RegExp(`^No service answers at ${url}\\. Start .*npm start.*ECONNREFUSED`),
  });
  t.ok(performance.now() - started < 30_000, 'at once, and not after the two minutes of a start');
  if (process.getuid?.() !== 0) {
    await chmod(path.join(dataDir, 'admin.key'), 0o000);
    await t.rejects(findService({}, local), { code: 'no_key', message: /cannot be read/ });
  }
});

t.test('its variables may stand beside the settings of a service', async (t) => {
  t.doesNotThrow(() => loadConfig({ SANDPLANE_URL: 'http://127.0.0.1:7800', SANDPLANE_KEY: 'k' }));
  t.throws(() => loadConfig({ SANDPLANE_KEYS: 'k' }), /SANDPLANE_KEYS is not a setting/);
});
