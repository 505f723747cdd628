import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { startTestService, testAdminKey } from '../support/service.ts';

/** The package as another project has it: packed, installed, typed, run. */
t.setTimeout(600_000);
const service = await startTestService();
t.teardown(() => service.close());
const root = path.resolve(import.meta.dirname, '../..');
const folder = await mkdtemp(path.join(tmpdir(), 'sp-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const env = { SANDPLANE_URL: service.client.url(), SANDPLANE_KEY: testAdminKey };
/** Without what the test runner loads into every Node. */
const run = async (command: string[], cwd = folder) =>
  (await execa('env', ['-u', 'NODE_OPTIONS', ...command], { cwd, env, preferLocal: true, localDir: root })).stdout;

const program = `
import { CoreV1Api } from '@kubernetes/client-node';
import { createSandbox, SandboxError, type SandboxOptions } from 'sandplane/testing';

const options: SandboxOptions = { name: 'packed', spec: { kubernetesVersion: 'latest', apiServer: { extraArgs: {} } } };
{
  await using sandbox = await createSandbox(options);
  const core = await sandbox.client(CoreV1Api);
  await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'a' }, data: { b: 'c' } } });
  const { data } = await core.readNamespacedConfigMap({ namespace: 'default', name: 'a' });
  console.log(JSON.stringify(data));
}
// @ts-expect-error it is ephemeral or durable
await createSandbox({ spec: { durability: 'eternal' } }).catch((error: unknown) => console.log(error instanceof SandboxError && error.code));
`;

t.before(async () => {
  await run(['npm', 'pack', '--pack-destination', folder], root);
  await writeFile(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const [packed = ''] = (await readdir(folder)).filter((name) => /^sandplane-.*\.tgz$/.test(name));
  // Their install scripts build what is optional.
  await run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', `./${packed}`]);
});

t.test('without @kubernetes/client-node there is the kubeconfig, and it says what a client needs', async (t) => {
  const script = `
    import { createSandbox } from 'sandplane/testing';
    const sandbox = await createSandbox();
    try {
      console.log(sandbox.kubeconfig.includes('certificate-authority-data:'));
      await sandbox.kubeConfig().catch(({ code, message }) => console.log(code, message));
    } finally {
      await sandbox.delete();
    }`;
  await writeFile(path.join(folder, 'plain.mjs'), script);
  const stdout = await run(['node', 'plain.mjs']);
  t.match(stdout, /^true\nmissing_tool .*npm install --save-dev @kubernetes\/client-node$/);
  t.same((await service.client.list()).body.items, []);
});

t.test('with it, a typed program writes and reads an object', async (t) => {
  const library = path.join('node_modules', '@kubernetes', 'client-node');
  await mkdir(path.join(folder, path.dirname(library)), { recursive: true });
  await symlink(path.join(root, library), path.join(folder, library));
  await writeFile(path.join(folder, 'program.ts'), program);
  const compilerOptions = { module: 'nodenext', target: 'es2024', lib: ['es2024', 'esnext.disposable'], strict: true };
  const settings = {
    compilerOptions: { ...compilerOptions, noEmit: true, skipLibCheck: true, types: ['node'] },
    files: ['program.ts'],
  };
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
  await t.resolves(run(['tsc']), 'its types are found, and none is wrong');
  t.equal(await run(['node', 'program.ts']), '{"b":"c"}\nvalidation_failed');
  t.same((await service.client.list()).body.items, []);
});
