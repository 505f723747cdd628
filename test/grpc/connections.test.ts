import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { credentials, status } from '@grpc/grpc-js';
import t from 'tap';
import { createCredentials } from '../../src/runtime/pki.ts';
import { connectBelow, startGrpcServer } from '../support/grpc-server.ts';
import { until } from '../support/until.ts';
import { adder, asItIs, ask, call, clientOf, ended, hello, messagesWritten, start } from './raw-calls.ts';

t.setTimeout(60_000);

t.test('a client that goes is heard of, however it goes', async (t) => {
  const { session, port } = await start(t);
  ended.length = 0;
  const begin = (from: ClientHttp2Session, id: string) => {
    const headers = { ':method': 'POST', ':path': '/t/Never', 'content-type': 'application/grpc', 'x-request-id': id };
    const stream = from.request(headers);
    stream.on('error', () => undefined);
    stream.end(hello);
    return stream;
  };
  const reset = begin(session, 'is-reset');
  const other = connectBelow(t, `http://127.0.0.1:${port}`);
  begin(other, 'has-no-connection');
  await call(session, '/t/Echo', [hello]);
  await call(other, '/t/Echo', [hello]);
  reset.close();
  other.destroy();
  await until(() => ended.length === 2);
  t.same(ended.splice(0).sort(), ['has-no-connection', 'is-reset']);
  t.equal((await call(session, '/t/Echo', [hello])).code, status.OK, 'others are served on');
});

t.test('what takes too long is let go', async (t) => {
  const { session } = await start(t, { limits: { receiveWithinMs: 100, idleMs: 1000 } });
  for (const path of ['/t/Echo', '/t/EchoEach']) {
    const half = await call(session, path, [hello.subarray(0, 7)], { open: true });
    t.equal(half.code, status.DEADLINE_EXCEEDED, `${path}: a request that is sent by half`);
    t.match(half.headers['x-request-id'], /^req-/);
  }
  const another = await call(session, '/t/EchoEach', [hello], { open: true });
  t.same([another.code, another.body], [status.DEADLINE_EXCEEDED, hello], 'the next of several');
  let isClosed = false;
  session.on('close', () => {
    isClosed = true;
  });
  const { code } = await call(session, '/t/Never', [hello], { headers: { 'grpc-timeout': '2S' } });
  t.equal(code, status.DEADLINE_EXCEEDED);
  t.notOk(isClosed, 'a connection with a call under way is not idle');
  await until(() => isClosed);
});

t.test('an idle connection without a valid call is closed, the others stay', async (t) => {
  const { port, session, client } = await start(t, { limits: { strangerIdleMs: 3000 } });
  const busy = call(session, '/t/Never', [hello], { headers: { 'grpc-timeout': '8S' } });
  t.equal((await ask(client, '/t/Valid')).code, status.OK);
  const refused = connectBelow(t, `http://127.0.0.1:${port}`);
  const end = once(refused, 'close');
  t.equal((await call(refused, '/t/Fail', [hello])).code, status.ABORTED);
  const silent = connectSocket(port, '127.0.0.1').resume();
  await Promise.all([once(silent, 'close'), end]);
  t.equal((await busy).code, status.DEADLINE_EXCEEDED, 'one with a call under way is not idle');
  t.equal(client.getChannel().getConnectivityState(false), 2, 'a valid call makes a connection known');
  await once(session, 'close');
});

t.test('a client that does not answer a ping is gone; one that never speaks, too', async (t) => {
  const { port, client } = await start(t, { limits: { pingEveryMs: 50, pingWithinMs: 2000 } });
  t.equal((await ask(client, '/t/Echo')).code, status.OK);
  const channel = client.getChannel();
  const silent = connectSocket(port, '127.0.0.1').resume();
  await once(silent, 'close');
  t.equal(channel.getConnectivityState(false), 2, 'one that answers stays');
  t.equal((await ask(client, '/t/Echo')).code, status.OK);
});

t.test('of a stream that is not read, little waits, and others are served', async (t) => {
  const { client } = await start(t);
  const stream = client.makeServerStreamRequest('/t/Flood', asItIs, asItIs, Buffer.of());
  stream.on('error', () => undefined);
  t.equal((await ask(client, '/t/Echo')).code, status.OK);
  await until(() => messagesWritten() > 0);
  t.ok(messagesWritten() < 20, `${messagesWritten()} messages`);
  stream.cancel();
});

t.test('connections are bounded, and those that close make room', async (t) => {
  const { serverCert, serverKey, caCert } = await createCredentials(['127.0.0.1']);
  const tls = { cert: Buffer.from(serverCert), key: Buffer.from(serverKey) };
  const { address } = await startGrpcServer(t, adder(), { tls, mostConnections: 2 });
  const open = () => connectBelow(t, `https://${address}`, { ca: caCert });
  for (let round = 0; round < 3; round += 1) {
    const [first, second] = [open(), open()];
    for (const session of [first, second]) t.same((await call(session, '/t/Echo', [hello])).body, hello);
    const third = open();
    await new Promise<void>((resolve) => third.once('close', resolve));
    t.equal((await call(first, '/t/Echo', [hello])).code, status.OK, 'those that are there stay');
    const closed = [first, second].map((session) => once(session, 'close'));
    for (const session of [first, second]) session.close();
    await Promise.all(closed);
    // The server hears of it a little later.
    await until(async () => {
      const again = open();
      const { code } = await call(again, '/t/Echo', [hello]);
      again.destroy();
      return code === status.OK;
    });
  }
});

t.test('TLS, and an end that waits for calls, but not for ever', async (t) => {
  const { serverCert, serverKey, caCert } = await createCredentials(['127.0.0.1']);
  const tls = { cert: Buffer.from(serverCert), key: Buffer.from(serverKey) };
  const { address, port, close } = await startGrpcServer(t, adder(), { tls });
  const client = clientOf(t, address, credentials.createSsl(Buffer.from(caCert)));
  t.match(await ask(client, '/t/Echo'), { code: status.OK, answer: 'hello' });
  const late = ask(client, '/t/Never', Date.now() + 500);
  const never = ask(client, '/t/Never');
  const silent = connectSocket(port, '127.0.0.1').resume();
  await once(silent, 'connect');
  await ask(client, '/t/Echo');
  await close(2000);
  t.equal((await late).code, status.DEADLINE_EXCEEDED, 'ended by itself');
  t.equal((await never).code, status.UNAVAILABLE, 'cut');
});
