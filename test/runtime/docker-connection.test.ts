import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { dockerAddress } from '../../src/runtime/docker-address.ts';
import { dockerDaemon } from '../../src/runtime/docker-connection.ts';
import { createCredentials } from '../../src/runtime/pki.ts';
import { listenLocally } from '../support/listen-locally.ts';

t.test('a Docker daemon is never asked through a proxy', async (t) => {
  const daemon = createServer((request, answer) =>
    answer.end(JSON.stringify({ ApiVersion: '1.44', Name: request.url })),
  );
  const port = await listenLocally(t, daemon);
  const source = `
    const { connectDocker } = await import('./src/runtime/docker-connection.ts');
    const docker = await connectDocker();
    console.log((await docker.info()).Name);
    process.exit();`;
  // Node reads it when it starts.
  const env = {
    DOCKER_HOST: `tcp://127.0.0.1:${port}`,
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: 'http://127.0.0.1:9',
    HTTPS_PROXY: 'http://127.0.0.1:9',
  };
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', source], { env });
  t.equal(stdout, '/v1.44/info');
});

t.test('the Docker context in use is asked, unless DOCKER_HOST or DOCKER_CONTEXT name another', async (t) => {
  const credentials = await createCredentials(['127.0.0.1']);
  const tls = { cert: credentials.serverCert, key: credentials.serverKey, ca: credentials.caCert };
  const daemon = createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (_request, answer) =>
    answer.end('{"ApiVersion": "1.44"}'),
  );
  daemon.listen(0, '127.0.0.1');
  await once(daemon, 'listening');
  t.teardown(() => {
    daemon.closeAllConnections();
    daemon.close();
  });
  const folder = t.testdir({ 'config.json': '{"currentContext": "lab"}' });
  const lab = `tcp://127.0.0.1:${(daemon.address() as AddressInfo).port}`;
  const files = { 'ca.pem': credentials.caCert, 'cert.pem': credentials.adminCert, 'key.pem': credentials.adminKey };
  await writeContext(folder, 'lab', lab, files);
  await writeContext(folder, 'off', 'unix:///nowhere/docker.sock', {});
  const addressIn = (env: object) => dockerAddress({ DOCKER_CONFIG: folder, ...env });

  t.equal(addressIn({}).where, `of the Docker context lab, ${lab}`);
  t.equal(await dockerDaemon(addressIn({})).ask(), null, 'with its certificates');
  t.match(
    await dockerDaemon(addressIn({ DOCKER_CONTEXT: 'off' })).ask(),
    'Docker does not answer: connect ENOENT /nowhere/docker.sock',
  );
  t.equal(
    addressIn({ DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_CONTEXT: 'off' }).where,
    'at DOCKER_HOST, tcp://127.0.0.1:1',
  );
  t.equal(addressIn({ DOCKER_CONTEXT: 'default' }).where, 'at its socket');
  t.throws(() => addressIn({ DOCKER_CONTEXT: 'gone' }), { message: /^there is no Docker context gone/ });
});

/** As `docker context create` stores it. */
async function writeContext(folder: string, name: string, host: string, tls: Record<string, string>): Promise<void> {
  const digest = createHash('sha256').update(name).digest('hex');
  const [meta, files] = ['meta', 'tls'].map((kind) => path.join(folder, 'contexts', kind, digest)) as [string, string];
  await mkdir(meta, { recursive: true });
  await writeFile(path.join(meta, 'meta.json'), JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }));
  await mkdir(path.join(files, 'docker'), { recursive: true });
  for (const [file, content] of Object.entries(tls)) await writeFile(path.join(files, 'docker', file), content);
}
