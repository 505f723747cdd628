import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startFakeService } from '../support/fake-service.ts';

/** In a file of its own: it waits for half a minute, next to others. */
t.setTimeout(120_000);
const service = await startFakeService();
t.teardown(() => service.close());

t.test('a request that never ends is ended', async (t) => {
  const socket = connect(Number(new URL(service.url()).port), '127.0.0.1');
  socket.write(
    'POST /v1/sandboxes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ncontent-type: application/json\r\n',
  );
  const trickle = setInterval(() => socket.write('x-more: x\r\n'), 1000);
  const answer = await text(socket);
  clearInterval(trickle);
  t.match(answer, /^HTTP\/1\.1 408 /);
  t.match(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''), { status: 408, code: 'request_timeout' });
});
