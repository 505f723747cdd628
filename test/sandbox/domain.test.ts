import { randomBytes } from 'node:crypto';
import t from 'tap';
import { preferredWaitMs } from '../../routes/shared/prefer.ts';
import { resolveVersions } from '../../src/components/catalog.ts';
import { createSealer } from '../../src/redis/seal.ts';
import { canFollow, canReach } from '../../src/sandbox/phase.ts';
import { footprint, makePlan } from '../../src/sandbox/plan.ts';
import { newSandboxId } from '../../src/sandbox/record.ts';
import { phases } from '../../src/schemas/sandbox.ts';
import { aSandbox } from '../support/requests.ts';

const { spec } = aSandbox;

t.test('phases', async (t) => {
  for (const phase of phases.filter((one) => one !== 'deleted'))
    t.ok(canReach(phase, 'deleted'), `${phase} can be deleted`);
  t.notOk(canReach('failed', 'ready'));
  t.notOk(canReach('deleting', 'ready'));
  t.ok(canReach('pending', 'ready'));
  t.notOk(canFollow('ready', 'pending'));
  t.notOk(canFollow('ready', 'failed'), 'it is degraded first');
});

t.test('versions', async (t) => {
  t.same(resolveVersions({}), { kubernetesVersion: '1.37.2', etcdVersion: '3.6.16' });
  t.equal(resolveVersions({ kubernetesVersion: '1.36' }).kubernetesVersion, '1.36.3');
  t.equal(resolveVersions({ kubernetesVersion: 'v1.34.4' }).kubernetesVersion, '1.34.4');
  t.equal(resolveVersions({ kubernetesVersion: '1.35.1' }).kubernetesVersion, '1.35.1', 'exact, on demand');
  for (const wrong of ['1.35', '1.33.1', '2.0.0', 'newest', '1.37.2; rm', '1.38.0']) {
    t.throws(() => resolveVersions({ kubernetesVersion: wrong }), { code: 'unsupported_version' }, wrong);
  }
  t.throws(() => resolveVersions({ etcdVersion: '3.5.1' }), { code: 'unsupported_version' });
});

t.test('a sealed secret opens with its key and context only', async (t) => {
  const sealer = createSealer(randomBytes(32));
  const sealed = sealer.seal('secret', 'project/one');
  t.equal(sealer.open(sealed, 'project/one'), 'secret');
  t.notMatch(sealed, 'secret');
  t.throws(() => sealer.open(sealed, 'project/two'), 'not in the place of another');
  t.throws(() => createSealer(randomBytes(32)).open(sealed, 'project/one'), 'not with another key');
  t.throws(() => sealer.open(`${sealed.slice(0, -2)}AA`, 'project/one'), 'not when changed');
});

t.test('a plan follows from its input', async (t) => {
  const id = newSandboxId();
  const credentials = {
    caCert: 'ca',
    caKey: 'CA KEY',
    serverCert: 's',
    serverKey: 'k',
    serviceAccountKey: 'sk',
    serviceAccountPub: 'sp',
    adminCert: 'a',
    adminKey: 'ADMIN KEY',
    proxyCaCert: 'pca',
    proxyCert: 'pc',
    proxyKey: 'pk',
  };
  const input = {
    sandboxId: id,
    project: 'default',
    name: 'demo',
    labels: {},
    spec,
    kubernetesVersion: '1.37.2',
    etcdVersion: '3.6.16',
    credentials,
    port: 20_000,
    root: '/sandboxes',
    bindAddress: '127.0.0.1',
    advertiseHost: '127.0.0.1',
    ownAddresses: [],
    templateDir: null,
    wasReady: false,
  };
  const plan = makePlan(input);
  t.same(makePlan(input), plan);
  const [etcd, apiServer] = plan.components;
  t.equal(etcd?.port, null, 'etcd has no port');
  t.ok(etcd?.args.includes('--unsafe-no-fsync=true'));
  t.notOk(
    makePlan({ ...input, spec: { ...spec, durability: 'durable' } }).components[0]?.args.some((arg) =>
      arg.includes('fsync'),
    ),
  );
  const quiet = { ...spec, etcd: { extraArgs: { 'heartbeat-interval': '100' } } };
  const args = makePlan({ ...input, spec: quiet }).components[0]?.args ?? [];
  t.same(
    args.filter((arg) => /heartbeat|election/.test(arg)),
    ['--heartbeat-interval=100'],
    "beside one of the user's stands etcd's own default, not ours, which would not go with it",
  );
  const written = JSON.stringify([plan.files, plan.components]);
  t.notMatch(written, 'CA KEY', 'the key of the CA stays with the service');
  t.notMatch(written, 'ADMIN KEY');
  t.notMatch(JSON.stringify(plan.components), /"k"|"sk"|"pk"/, 'and no key is an argument');
  const given = {
    ...spec,
    apiServer: { ...spec.apiServer, extraArgs: { 'disable-admission-plugins': 'NamespaceLifecycle' } },
  };
  t.ok(
    makePlan({ ...input, spec: given }).components[1]?.args.includes(
      '--disable-admission-plugins=ServiceAccount,NamespaceLifecycle',
    ),
  );
  t.not(makePlan({ ...input, spec: given }).components[1]?.specHash, apiServer?.specHash);
});

t.test('quotas count the disk that the limits of etcd allow', async (t) => {
  const withEtcd = (extraArgs: Record<string, string>) => footprint({ ...spec, etcd: { extraArgs } }).diskMiB;
  const usual = withEtcd({});
  t.equal(usual, 4608);
  t.equal(withEtcd({ 'quota-backend-bytes': String(4 * 1024 ** 3) }) - usual, 4096);
  t.equal(withEtcd({ 'snapshot-count': '1100' }) - usual, 1500, 'a write may have 1.5 MiB until the next snapshot');
  t.equal(withEtcd({ 'max-request-bytes': String(3 * 1024 ** 2) }) - usual, 150);
});

t.test('Prefer', async (t) => {
  t.equal(preferredWaitMs(undefined), 0);
  t.equal(preferredWaitMs('wait=10'), 10_000);
  t.equal(preferredWaitMs('respond-async, wait="5"'), 5000);
  t.equal(preferredWaitMs('wait=99999'), 300_000);
  t.equal(preferredWaitMs('await=3'), 0);
});
