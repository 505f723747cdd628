import { execa } from 'execa';
import t from 'tap';
import { loadConfig } from '../../src/config/config.ts';
import { describeSettings } from '../../src/config/settings.ts';
import { workerNameOf } from '../../src/config/worker-name.ts';

t.test('without any setting there are defaults for all', async (t) => {
  t.match(loadConfig({}), {
    host: '127.0.0.1',
    port: 7800,
    runtime: 'process',
    portRange: { first: 20000, last: 29999 },
  });
  t.match(loadConfig({ SANDPLANE_PORT: '' }), { port: 7800 }, 'an empty value is none');
});

t.test('a kubebuilder manager and its metrics find their ports free beside the service', async (t) => {
  const { port, grpcPort, metricsPort } = loadConfig({});
  t.same([port, grpcPort, metricsPort], [7800, 7801, 7802], 'not 8080, 8081, 8443, 9443, nor 9464 of OpenTelemetry');
});

/** What is told about settings that are refused; empty when they are taken. */
function refusalOf(env: Record<string, string>, parts?: readonly ('api' | 'worker')[]): string {
  try {
    loadConfig(env, parts);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

t.test('every fault is told at once, by its name and with what is expected', async (t) => {
  const wrong = {
    SANDPLANE_PORT: 'abc',
    SANDPLANE_GRPC_PORT: '80.9',
    SANDPLANE_METRICS_PORT: 'true',
    SANDPLANE_RUNTIME: 'auto',
    SANDPLANE_DEMO: 'maybe',
    SANDPLANE_PROT: '1',
    SANDPLANE_PORT_RANGE: '300-200',
    SANDPLANE_WORKER_NAME: 'A_b',
    SANDPLANE_ADMIN_KEY: 'with a space in between',
    SANDPLANE_SECRET_KEY: 'x'.repeat(50),
    SANDPLANE_TRUSTED_PROXIES: '10/8',
    SANDPLANE_CORS_ORIGINS: 'https://app.example.com/',
    SANDPLANE_COMPONENT_SOURCES: 'image,cloud',
    SANDPLANE_WEBHOOK_RETRY_SECONDS: '5s',
    SANDPLANE_REDIS_PREFIX: 'a:b',
    REDIS_URL: 'http://user:hidden@redis',
  };
  const told = refusalOf(wrong);
  for (const name of Object.keys(wrong)) t.match(told, new RegExp(`^  ${name} (must|is|\\S+ is) `, 'm'));
  t.match(told, /SANDPLANE_PORT must be a whole number from 0 to 65535$/m);
  t.match(told, /SANDPLANE_RUNTIME must be one of process, docker$/m);
  t.notMatch(told, /\^|hidden|with a space/, 'no regular expression, and no secret');
});

t.test('what an address is used as decides what it may be', async (t) => {
  const addresses = ['127.0.0.1', '192.0.2.7', '::1', 'fd00::7'];
  const names = ['k8s.example.com', 'host_7', 'localhost'];
  const neither = [
    'https://k8s.example.com',
    'k8s.example.com:6443',
    '[::1]',
    '192.0.2.7/24',
    'a b',
    '256.1.1.1',
    '-a',
  ];
  const all = ['0.0.0.0', '::'];
  const table = {
    SANDPLANE_HOST: { right: [...addresses, ...names, ...all], wrong: neither },
    SANDPLANE_BIND_ADDRESS: { right: [...addresses, ...all], wrong: [...neither, ...names, 'fe80::1%eth0'] },
    SANDPLANE_ADVERTISE_HOST: {
      right: [...addresses, ...names],
      wrong: [...neither, ...all, '::ffff:0.0.0.0', '224.0.0.1'],
    },
  };
  for (const [name, { right, wrong }] of Object.entries(table)) {
    for (const value of right) t.equal(refusalOf({ [name]: value }), '', `${name}=${value}`);
    for (const value of wrong)
      t.match(refusalOf({ [name]: value }), new RegExp(`  ${name} (must|is)`), `${name}=${value}`);
  }
  t.match(refusalOf({ SANDPLANE_BIND_ADDRESS: 'localhost' }), /set 127\.0\.0\.1/);
  t.match(
    refusalOf({ SANDPLANE_PROBE_HOST: '0.0.0.0' }),
    /SANDPLANE_PROBE_HOST is 0\.0\.0\.0, which nobody can connect to/,
  );
});

t.test('where sandboxes are reached follows from the address that they are opened on', async (t) => {
  const table = { '127.0.0.1': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1', '192.0.2.7': '192.0.2.7' };
  for (const [bound, reached] of Object.entries(table)) {
    t.match(loadConfig({ SANDPLANE_BIND_ADDRESS: bound }), { advertiseHost: reached, probeHost: reached }, bound);
  }
  const reach = (bound: string, probe: string) =>
    refusalOf({ SANDPLANE_BIND_ADDRESS: bound, SANDPLANE_PROBE_HOST: probe });
  t.match(reach('192.0.2.7', '127.0.0.1'), /SANDPLANE_PROBE_HOST is 127\.0\.0\.1, where .* do not answer/);
  t.match(reach('0.0.0.0', '::1'), /do not answer/);
  for (const [bound, probe] of [
    ['0.0.0.0', '192.0.2.7'],
    ['::', '127.0.0.1'],
    ['192.0.2.7', 'k8s.example.com'],
  ] as const) {
    t.equal(reach(bound, probe), '');
  }
});

t.test('URLs and registries are those that are asked later', async (t) => {
  const right = {
    REDIS_URL: ['redis://127.0.0.1', 'rediss://u:p@redis.example.com:6380/2', 'unix:///run/redis.sock'],
    SANDPLANE_IMAGE_REGISTRY: ['registry.k8s.io', 'localhost:5000/mirror', '[::1]:5000/a/b', 'sandplane.local/t1'],
    SANDPLANE_KUBERNETES_RELEASE_URL: ['https://dl.k8s.io', 'http://127.0.0.1:8000/a/'],
    SANDPLANE_CORS_ORIGINS: ['*', 'https://a.example,http://localhost:5173', 'app://desktop'],
    SANDPLANE_TRUSTED_PROXIES: ['10.0.0.0/8, fd00::/8'],
  };
  const wrong = {
    REDIS_URL: ['redis://:6379', 'redis://', 'redis://host/cache', 'unix://run/redis.sock', 'host:6379'],
    SANDPLANE_IMAGE_REGISTRY: ['https://registry.k8s.io', 'registry.k8s.io/', 'registry.k8s.io/etcd:3', 'a//b'],
    SANDPLANE_KUBERNETES_RELEASE_URL: [
      'dl.k8s.io',
      'ftp://dl.k8s.io',
      'https://u:p@dl.k8s.io',
      'https://dl.k8s.io?a=b',
    ],
    SANDPLANE_CORS_ORIGINS: ['a.example', 'https://a.example/path', 'https://a.example:443'],
    SANDPLANE_TRUSTED_PROXIES: ['10.0.0.1', '010.0.0.0/8'],
  };
  for (const [name, values] of Object.entries(right))
    for (const one of values) t.equal(refusalOf({ [name]: one }), '', one);
  for (const [name, values] of Object.entries(wrong))
    for (const one of values) t.match(refusalOf({ [name]: one }), name, one);
  const url = 'https://mirror.example.com/';
  t.match(loadConfig({ SANDPLANE_ETCD_RELEASE_URL: url }), {
    components: { etcdReleaseUrl: 'https://mirror.example.com' },
  });
});

t.test('files that settings name are there, in the process that reads them', async (t) => {
  const dir = t.testdir({ 'a.pem': '' });
  const half = { SANDPLANE_GRPC_TLS_CERT_FILE: `${dir}/a.pem` };
  t.match(refusalOf(half), /SANDPLANE_GRPC_TLS_KEY_FILE is missing/);
  t.equal(refusalOf({ ...half, SANDPLANE_GRPC_TLS_KEY_FILE: `${dir}/a.pem` }), '');
  const nowhere = { SANDPLANE_OIDC_FILE: `${dir}/oidc.yaml`, SANDPLANE_SECRET_KEY_FILE: dir };
  t.match(refusalOf(nowhere), /SANDPLANE_OIDC_FILE names .*oidc\.yaml, which is not there/);
  t.match(refusalOf(nowhere), /SANDPLANE_SECRET_KEY_FILE names .*, which is no file/);
  t.equal(refusalOf({ SANDPLANE_OIDC_FILE: `${dir}/oidc.yaml` }, ['worker']), '', 'the API alone reads that one');
});

t.test('settings that contradict one another are refused', async (t) => {
  t.match(refusalOf({ SANDPLANE_GRPC_PORT: '7800' }), /SANDPLANE_GRPC_PORT is 7800, as SANDPLANE_PORT is/);
  t.match(refusalOf({ SANDPLANE_PORT: '7802' }), /SANDPLANE_METRICS_PORT is 7802, as SANDPLANE_PORT is/);
  t.match(refusalOf({ SANDPLANE_PORT: '20080' }), /SANDPLANE_PORT is 20080, which is within SANDPLANE_PORT_RANGE/);
  t.equal(refusalOf({ SANDPLANE_PORT: '7802' }, ['api']), '', 'that port is of the worker');
  t.equal(refusalOf({ SANDPLANE_PORT: '20080' }, ['api']), '', 'sandboxes are on other hosts');
  t.equal(refusalOf({ SANDPLANE_PORT: '0', SANDPLANE_GRPC_PORT: '0', SANDPLANE_METRICS_PORT: '0' }), '');
  const keys = { SANDPLANE_SECRET_KEY: 'a'.repeat(64), SANDPLANE_SECRET_KEY_FILE: import.meta.filename };
  t.match(refusalOf(keys), /SANDPLANE_SECRET_KEY_FILE is set beside SANDPLANE_SECRET_KEY: set one of the two/);
  t.match(refusalOf({ SANDPLANE_COMPONENT_SOURCES: 'folder' }), /SANDPLANE_COMPONENTS_DIR is missing/);
  const unused = { SANDPLANE_COMPONENT_SOURCES: 'image', SANDPLANE_COMPONENTS_DIR: import.meta.dirname };
  t.match(refusalOf(unused), /SANDPLANE_COMPONENTS_DIR is not used/);
});

t.test('sandplane config prints the settings, or what is wrong with them', async (t) => {
  const config = (more: Record<string, string>) =>
    execa(process.execPath, ['src/cli/sandplane.ts', 'config'], {
      env: { PATH: process.env.PATH ?? '', REDIS_URL: 'redis://:hidden@localhost', ...more },
      extendEnv: false,
      reject: false,
    });
  const right = await config({ SANDPLANE_PORT: '7900', SANDPLANE_GRPC_PORT: '' });
  t.match(right, { exitCode: 0, stdout: /^SANDPLANE_PORT=7900$/m });
  t.match(right.stdout, /^SANDPLANE_GRPC_PORT=7801$/m, 'an empty value is none');
  t.notMatch(right.stdout, 'hidden', 'no password');
  const wrong = await config({ SANDPLANE_PORT: 'abc', SANDPLANE_BIND_ADDRESS: 'localhost' });
  t.match(wrong, { exitCode: 1, stdout: '' });
  t.match(wrong.stderr, /SANDPLANE_PORT must be a whole number[\s\S]*SANDPLANE_BIND_ADDRESS must be an IP address/);
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
