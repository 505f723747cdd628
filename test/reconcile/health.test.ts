import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { createHealthChecks } from '../../src/reconcile/health.ts';
import type { Runtime } from '../../src/runtime/driver.ts';
import { sniName } from '../../src/runtime/kubeconfig.ts';
import { createCredentials } from '../../src/runtime/pki.ts';
import type { SandboxRecord } from '../../src/sandbox/record.ts';

const id = 'sb-00000000000000000000';

t.test('one that runs and is not ready is late at once, and hangs at the third look', async (t) => {
  const credentials = await createCredentials([sniName(id)]);
  let status = 200;
  const tls = { cert: credentials.serverCert, key: credentials.serverKey };
  const server = createServer(tls, (_request, response) => void response.writeHead(status).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const health = createHealthChecks({ probeHost: '127.0.0.1' });
  t.teardown(() => {
    health.close();
    server.close();
  });
  let state = 'running';
  const observe = async () => [{ components: [{ state }, { state: 'running' }] }];
  const record = { sandbox: { id }, port: (server.address() as AddressInfo).port };
  const look = () =>
    health.look({ observe } as unknown as Runtime, record as unknown as SandboxRecord, () => credentials);

  t.equal(await look(), 'ready');
  status = 500;
  t.same([await look(), await look()], ['late', 'late']);
  status = 200;
  t.equal(await look(), 'ready', 'and from the beginning');
  status = 500;
  t.same([await look(), await look(), await look()], ['late', 'late', 'hung']);
  t.same([await look(), await look()], ['late', 'late'], 'it is started again, and looked at anew');
  state = 'exited';
  t.equal(await look(), 'exited');
  state = 'running';
  t.same([await look(), await look(), await look()], ['late', 'late', 'hung'], 'as after an exit');
});
