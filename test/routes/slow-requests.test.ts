import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { startFakeService } from '../support/fake-service.ts';
import { testAdminKey } from '../support/service.ts';

/** In a file of its own: it waits for half a minute, next to others. */
t.setTimeout(120_000);
const service = await startFakeService();
t.teardown(() => service.close());

const begun = 'POST /v1/sandboxes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
const admin = `authorization: Bearer ${testAdminKey}\r\n`;
const cases = {
  'nothing at all': { head: '', trickled: '' },
  'headers without end': { head: begun, trickled: 'x-more: x\r\n' },
  'a body without end': { head: `${begun}${admin}content-length: 1000\r\n\r\n`, trickled: ' ' },
};

// At once: each takes as long as the limit.
t.jobs = 3;
await Promise.all(
  Object.entries(cases).map(([what, { head, trickled }]) =>
    t.test(what, async (t) => {
      const socket = connect(Number(new URL(service.url()).port), '127.0.0.1');
      socket.write(head);
      const trickle = setInterval(() => socket.write(trickled), 1000);
      // Looked for every 3 s; twice the limit would be another one.
      const answer = await Promise.race([text(socket), delay(45_000, 'no answer in time', { ref: false })]);
      clearInterval(trickle);
      socket.destroy();
      t.match(answer, /^HTTP\/1\.1 408 /);
      t.match(JSON.parse(answer.split('\r\n\r\n')[1] ?? '{}'), { status: 408, code: 'request_timeout' });
    }),
  ),
);
