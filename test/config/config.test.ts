import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { describeSettings } from '../../src/config/settings.ts';
import { workerNameOf } from '../../src/config/worker-name.ts';

t.test('without any setting there are defaults for all', async (t) => {
  t.match(loadConfig({}), { host: '127.0.0.1', port: 7800, runtime: 'auto', portRange: { first: 20000, last: 29999 } });
  t.match(loadConfig({ SANDPLANE_PORT: '' }), { port: 7800 }, 'an empty value is none');
});

t.test('a kubebuilder manager and its metrics find their ports free beside the service', async (t) => {
  const { port, grpcPort, metricsPort } = loadConfig({});
  t.same([port, grpcPort, metricsPort], [7800, 7801, 7802], 'not 8080, 8081, 8443, 9443, nor 9464 of OpenTelemetry');
});

t.test('every fault is told at once, by its name', async (t) => {
  const wrong = { SANDPLANE_PORT: '99999', SANDPLANE_RUNTIME: 'vm', SANDPLANE_PROT: '1', REDIS_URL: 'http://x' };
  try {
    loadConfig(wrong);
    t.fail('must be refused');
  } catch (error) {
    for (const name of Object.keys(wrong)) t.match((error as Error).message, name);
  }
  t.throws(() => loadConfig({ SANDPLANE_PORT_RANGE: '300-200' }), /SANDPLANE_PORT_RANGE must be first-last/);
  const half = { SANDPLANE_GRPC_TLS_CERT_FILE: '/etc/tls.crt' };
  t.throws(() => loadConfig(half), /SANDPLANE_GRPC_TLS_KEY_FILE is missing/);
});

t.test('settings can be described', async (t) => {
  const names = describeSettings().map(({ name }) => name);
  t.ok(names.includes('SANDPLANE_PORT') && names.includes('REDIS_URL'));
  t.ok(describeSettings().every(({ description }) => description.length > 10));
});

t.test('the worker is named after its host, however that is called', async (t) => {
  t.equal(workerNameOf('Build_7.example.com'), 'build-7-example-com');
  t.equal(workerNameOf(`${'h'.repeat(62)}-x`), 'h'.repeat(62), 'what is cut behind a hyphen does not end in it');
  t.equal(workerNameOf('-..'), 'worker-1');
  for (const hostname of ['a', '_', `${'-'.repeat(70)}a`, `a${'-'.repeat(70)}b`, 'ü', 'x'.repeat(64)]) {
    t.doesNotThrow(() => loadConfig({ SANDPLANE_WORKER_NAME: workerNameOf(hostname) }), hostname);
  }
});
