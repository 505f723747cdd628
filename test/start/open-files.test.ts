import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { startApiProcess } from '../support/api-process.ts';
import { startFakeService } from '../support/fake-service.ts';
import { createClient } from '../support/service.ts';

t.setTimeout(60_000);

t.test('a crowd of connections leaves files, and connections, for others', async (t) => {
  const service = await startFakeService();
  t.teardown(() => service.close());
  // Fewer than the crowd has connections.
  const api = await startApiProcess(service.environment, { mostOpenFiles: 200 });
  t.teardown(() => api.stop());
  const open: Socket[] = [];
  t.teardown(() => {
    for (const socket of open) socket.destroy();
  });
  const port = Number(new URL(api.url).port);
  for (let i = 0; i < 300; i += 1) {
    // All addresses that begin with 127 are this machine's.
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }).resume();
    socket.on('error', () => undefined);
    open.push(socket);
    await once(socket, 'connect');
  }
  const client = createClient(() => api.url);
  const { status, body } = await client.create();
  t.match({ status, body }, { status: 201, body: { status: { phase: 'ready' } } });
  t.ok(open.filter(({ closed }) => !closed).length < 100, 'the crowd has no more than half of what may be open');
});
