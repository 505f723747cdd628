import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import t from 'tap';
import { goTool } from '../../scripts/go-tool.ts';
import { createCredentials } from '../../src/runtime/pki.ts';
import { startFakeService } from '../support/fake-service.ts';
import { kubectlFor, kubectls } from '../support/kubectl.ts';
import { startTestService, temporaryFolder, testAdminKey } from '../support/service.ts';

/** As a user who has nothing but grpcurl: the service tells by reflection what it has. */
t.setTimeout(600_000);
const grpcurl = await goTool({ module: 'github.com/fullstorydev/grpcurl/cmd/grpcurl', version: '1.9.4' });
// One after the other: who comes last waits for longer than grpcurl takes to connect.
const service = await startTestService({ SANDPLANE_START_CONCURRENCY: '1' });
t.teardown(() => service.close());
const sandboxes = 'sandplane.v1.SandboxService';
const withKey = ['-H', `authorization: Bearer ${testAdminKey}`];

interface Ask {
  readonly request?: object;
  /** They stand before the address. */
  readonly options?: readonly string[];
  readonly address?: string;
  readonly security?: readonly string[];
}

async function ask(
  what: readonly string[],
  { request, options = withKey, address, security = ['-plaintext'] }: Ask = {},
) {
  const data = request ? ['-d', JSON.stringify(request)] : [];
  const args = [...security, ...options, ...data, address ?? service.grpcAddress(), ...what];
  return await execa(grpcurl, args, { reject: false });
}

async function call<Answer>(method: string, request: object, options: readonly string[] = withKey): Promise<Answer> {
  const { stdout, stderr, exitCode } = await ask([`${sandboxes}/${method}`], { request, options });
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Answer;
}

t.test('what there is', async (t) => {
  const { stdout: services } = await ask(['list'], { options: [] });
  for (const name of [sandboxes, 'sandplane.v1.ProjectService', 'grpc.health.v1.Health']) t.match(services, name);
  const { stdout: described } = await ask(['describe', `${sandboxes}.CreateSandbox`], { options: [] });
  t.match(described, 'rpc CreateSandbox ( .sandplane.v1.CreateSandboxRequest )');
  const { stdout: health } = await ask(['grpc.health.v1.Health/Check'], {
    request: { service: sandboxes },
    options: [],
  });
  t.match(JSON.parse(health), { status: 'SERVING' });
});

t.test('create, watch until ready, kubeconfig, delete', async (t) => {
  const { sandbox } = await call<{ sandbox: { id: string } }>('CreateSandbox', { name: 'by-grpcurl' });
  const watching = execa(
    grpcurl,
    [
      '-plaintext',
      ...withKey,
      '-d',
      JSON.stringify({ id: sandbox.id }),
      service.grpcAddress(),
      `${sandboxes}/WatchSandbox`,
    ],
    { reject: false },
  );
  for await (const line of createInterface(watching.stdout)) if (line.includes('"phase": "PHASE_READY"')) break;
  watching.kill();
  await watching;

  const { kubeconfig } = await call<{ kubeconfig: string }>('GetKubeconfig', { id: sandbox.id });
  const [kubectl] = await kubectls(service.config);
  const run = await kubectlFor(kubectl?.file ?? '', await temporaryFolder(), sandbox.id, kubeconfig);
  await run(['create', 'configmap', 'seen', '--from-literal=by=grpc']);
  t.equal(await run(['get', 'configmap', 'seen', '-o', 'jsonpath={.data.by}']), 'grpc');
  const { stdout } = await ask([`${sandboxes}/GetLogs`], { request: { id: sandbox.id, tail: 5 } });
  t.match(stdout, '"chunk"', 'its log');
  await call('DeleteSandbox', { id: sandbox.id });
  await call('WaitForSandbox', { id: sandbox.id, phase: 'PHASE_DELETED' });
  const { stderr } = await ask([`${sandboxes}/GetSandbox`], { request: { id: sandbox.id } });
  t.match(stderr, 'Code: NotFound');
});

t.test('refusals', async (t) => {
  const get = [`${sandboxes}/GetSandbox`];
  const unknown = { id: 'sb-00000000000000000000' };
  t.match((await ask(get, { request: unknown, options: [] })).stderr, 'Code: Unauthenticated');
  const { stderr } = await ask(get, { request: { id: await otherProjectsSandbox() } });
  t.match(stderr, 'Code: NotFound');
  t.match(stderr, '"reason": "NOT_FOUND"');

  for (let ahead = 0; ahead < 8; ahead += 1) await call('CreateSandbox', {});
  const create = [`${sandboxes}/CreateSandbox`];
  const request = { name: 'late', waitSeconds: 60 };
  const late = await ask(create, { request, options: ['-max-time', '4', ...withKey] });
  t.match(late.stderr, 'Code: DeadlineExceeded');
  const { items } = await call<{ items: { id: string; name: string }[] }>('ListSandboxes', {});
  const id = items.find(({ name }) => name === 'late')?.id;
  const ready = await call<{ sandbox: { status: { phase: string } } }>('WaitForSandbox', {
    id,
    timeoutSeconds: 300,
  });
  t.equal(ready.sandbox.status.phase, 'PHASE_READY', 'the work ended well all the same');

  const faulty = await ask(create, { request: { name: 'No!', spec: { ttlSeconds: -1 } } });
  t.match(faulty.stderr, 'Code: InvalidArgument');
  for (const field of ['name', 'spec.ttl_seconds']) t.match(faulty.stderr, `"field": "${field}"`);
});

async function otherProjectsSandbox(): Promise<string> {
  await service.client.call('POST', '/v1/projects', { name: 'other' });
  const options = [...withKey, '-H', 'sandplane-project: other'];
  const { sandbox } = await call<{ sandbox: { id: string } }>('CreateSandbox', {}, options);
  t.teardown(() => call('DeleteSandbox', { id: sandbox.id }, options));
  return sandbox.id;
}

t.test('TLS by setting', async (t) => {
  const folder = await temporaryFolder();
  const [certificate, key, ca] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const made = await createCredentials(['127.0.0.1', 'localhost']);
  await Promise.all([
    writeFile(certificate, made.serverCert),
    writeFile(key, made.serverKey),
    writeFile(ca, made.caCert),
  ]);
  const secure = await startFakeService({
    SANDPLANE_GRPC_TLS_CERT_FILE: certificate,
    SANDPLANE_GRPC_TLS_KEY_FILE: key,
  });
  t.teardown(() => secure.close());
  const whoami = ['sandplane.v1.AccountService/GetWhoami'];
  const address = secure.grpcAddress();
  const { stdout } = await ask(whoami, { address, security: ['-cacert', ca] });
  t.match(JSON.parse(stdout), { kind: 'PRINCIPAL_KIND_ADMIN', project: 'default' });
  t.not((await ask(whoami, { address })).exitCode, 0, 'not in cleartext');
});
