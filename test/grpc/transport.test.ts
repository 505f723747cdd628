import { once } from 'node:events';
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import {
  Client,
  credentials,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import t, { type Test } from 'tap';
import { addressReader } from '../../src/grpc/address.ts';
import type { Strangers } from '../../src/grpc/strangers.ts';
import { createCredentials } from '../../src/runtime/pki.ts';
import { connectBelow, type ServerSettings, startGrpcServer } from '../support/grpc-server.ts';
import { until } from '../support/until.ts';

t.setTimeout(60_000);

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Respond = (error: object | null, message?: Buffer) => void;

/** The request ids of calls that have ended. */
const ended: string[] = [];
/** How many messages the flood has been able to write. */
let written = 0;

function asItIs(message: Buffer): Buffer {
  return message;
}

const adder =
  (trustedProxies: readonly string[] = []) =>
  (server: Server, strangers: Strangers) => {
    const addressOf = addressReader(trustedProxies);
    const unary = (name: string, handle: (call: Unary, respond: Respond) => void) =>
      server.register(`/t/${name}`, handle, asItIs, asItIs, 'unary');
    unary('Echo', (call, respond) => respond(null, call.request));
    unary('Valid', (call, respond) => {
      strangers.callIsValid(call.getPeer());
      respond(null, call.request);
    });
    unary('Fail', (_call, respond) => respond({ code: status.ABORTED, details: '100 % – no\n' }));
    unary('Address', (call, respond) => respond(null, Buffer.from(addressOf(call))));
    unary('Never', (call) => void call.on('cancelled', () => ended.push(String(call.metadata.get('x-request-id')[0]))));
    server.register('/t/Flood', flood, asItIs, asItIs, 'serverStream');
    server.register('/t/EchoEach', echoEach, asItIs, asItIs, 'bidi');
  };

/** More than any client takes without reading. */
function flood(call: ServerWritableStream<Buffer, Buffer>): void {
  for (written = 0; call.write(Buffer.alloc(60_000)); ) written += 1;
}

function echoEach(call: ServerDuplexStream<Buffer, Buffer>): void {
  call.on('data', (message: Buffer) => call.write(message));
  call.on('end', () => call.end());
}

async function start(t: Test, settings: ServerSettings & { trustedProxies?: readonly string[] } = {}) {
  const { address, port, close } = await startGrpcServer(t, adder(settings.trustedProxies), settings);
  return { port, close, session: connectBelow(t, `http://${address}`), client: clientOf(t, address) };
}

function clientOf(t: Test, address: string, channel = credentials.createInsecure()): Client {
  const client = new Client(address, channel, { 'grpc.enable_retries': 0 });
  t.teardown(() => client.close());
  return client;
}

/** As a client of the library sees it: the code, and the answer. */
async function ask(client: Client, path: string, deadline: number = Date.now() + 20_000) {
  const { promise, resolve } = Promise.withResolvers<{ error: ServiceError | null; answer: string | undefined }>();
  client.makeUnaryRequest(path, asItIs, asItIs, Buffer.from('hello'), { deadline }, (error, answer) =>
    resolve({ error, answer: answer?.toString() }),
  );
  const { error, answer } = await promise;
  return { code: error?.code ?? status.OK, details: error?.details, answer };
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  /** `grpc-status`, undefined: there was none. */
  readonly code: number | undefined;
  readonly message: string;
  readonly body: Buffer;
}

/** Sends the pieces one after the other, and ends the request unless `open`. */
async function call(
  session: ClientHttp2Session,
  path: string,
  pieces: readonly Buffer[],
  { headers = {}, open = false }: { headers?: Record<string, string>; open?: boolean } = {},
): Promise<Answer> {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', ...headers });
  stream.on('error', () => undefined);
  const closed = once(stream, 'close');
  const body: Buffer[] = [];
  let all: IncomingHttpHeaders = {};
  const take = (given: IncomingHttpHeaders) => {
    all = { ...all, ...given };
  };
  stream.on('response', take);
  stream.on('trailers', take);
  stream.on('data', (piece: Buffer) => body.push(piece));
  // As clients do that have more to send: the answer is complete.
  stream.on('end', () => stream.close());
  for (const piece of pieces) {
    if (!stream.destroyed) stream.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (!open) stream.end();
  await closed;
  const code = all['grpc-status'];
  return {
    headers: all,
    code: code === undefined ? undefined : Number(code),
    message: decodeURIComponent(String(all['grpc-message'] ?? '')),
    body: Buffer.concat(body),
  };
}

function frame(message: Buffer, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const hello = frame(Buffer.from('hello'));

t.test('a message may come in pieces, and there is one of it', async (t) => {
  const { session } = await start(t);
  const long = frame(Buffer.alloc(3000, 'x'));
  const bytes = Array.from(long, (byte) => Buffer.of(byte));
  t.same((await call(session, '/t/Echo', bytes)).body, long);
  t.same((await call(session, '/t/Echo', [frame(Buffer.of())])).body, frame(Buffer.of()), 'an empty one');
  t.equal((await call(session, '/t/Echo', [])).code, status.UNIMPLEMENTED, 'none');
  t.equal((await call(session, '/t/Echo', [hello.subarray(0, 7)])).code, status.UNIMPLEMENTED, 'a half');
  t.equal((await call(session, '/t/Echo', [hello, hello])).code, status.UNIMPLEMENTED, 'two');
  const head = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
  t.equal((await call(session, '/t/Echo', [head], { open: true })).code, status.RESOURCE_EXHAUSTED, 'not waited for');
  t.equal((await call(session, '/t/None', [hello], { open: true })).code, status.UNIMPLEMENTED, 'no method');
  const json = await call(session, '/t/Echo', [hello], { headers: { 'content-type': 'application/json' } });
  t.equal(json.headers[':status'], 415, 'not gRPC');
});

t.test('messages may be compressed', async (t) => {
  const { session } = await start(t);
  const send = async (encoding: string | null, body: Buffer) =>
    await call(session, '/t/Echo', [frame(body, 1)], { headers: encoding ? { 'grpc-encoding': encoding } : {} });
  const text = Buffer.from('hello');
  t.same((await send('gzip', gzipSync(text))).body, hello);
  t.same((await send('deflate', deflateSync(text))).body, hello);
  t.equal((await send('gzip', gzipSync(Buffer.alloc(10_000_000)))).code, status.RESOURCE_EXHAUSTED, 'a bomb');
  t.equal((await send('gzip', text)).code, status.INTERNAL, 'not compressed');
  t.equal((await send('snappy', text)).code, status.UNIMPLEMENTED, 'by what is not known');
});

t.test('a status arrives as it was meant, with the request id', async (t) => {
  const { session, client } = await start(t);
  t.match(await ask(client, '/t/Fail'), { code: status.ABORTED, details: '100 % – no\n' });
  const failed = await call(session, '/t/Fail', [hello], { headers: { 'x-request-id': 'my-request-1' } });
  t.same([failed.code, failed.headers['x-request-id']], [status.ABORTED, 'my-request-1']);
  t.match((await call(session, '/t/Echo', [hello])).headers['x-request-id'], /^req-/);
});

t.test('headers that are not ASCII are as if they were not there', async (t) => {
  const { session } = await start(t);
  const odd = await call(session, '/t/Echo', [hello], {
    headers: { 'x-request-id': 'my-réquest', authorization: 'é' },
  });
  t.equal(odd.code, status.OK);
  t.match(odd.headers['x-request-id'], /^req-/);
});

t.test('deadlines', async (t) => {
  const { client, session } = await start(t);
  ended.length = 0;
  t.equal((await ask(client, '/t/Never', Date.now() + 100)).code, status.DEADLINE_EXCEEDED);
  const wait = (timeout: string) =>
    call(session, '/t/Never', [hello], { headers: { 'grpc-timeout': timeout, 'x-request-id': `within-${timeout}` } });
  t.match(await wait('50m'), { code: status.DEADLINE_EXCEEDED }, 'also by the server alone');
  t.equal((await wait('50000u')).code, status.DEADLINE_EXCEEDED);
  await until(() => ended.length === 3);
  t.same(ended.splice(0).slice(1), ['within-50m', 'within-50000u'], 'the method is told');
  t.equal((await wait('0S')).code, status.DEADLINE_EXCEEDED);
  t.equal((await wait('soon')).code, status.INTERNAL);
});

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
  await until(() => written > 0);
  t.ok(written < 20, `${written} messages`);
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

t.test('who is behind a trusted proxy', async (t) => {
  const forwarded = { headers: { 'x-forwarded-for': '203.0.113.7, 10.0.0.1' } };
  const { session: trusting } = await start(t, { trustedProxies: ['127.0.0.1/32', '10.0.0.0/8'] });
  const { session: wary } = await start(t);
  const addressOf = async (session: ClientHttp2Session) =>
    (await call(session, '/t/Address', [hello], forwarded)).body.subarray(5).toString();
  t.same([await addressOf(trusting), await addressOf(wary)], ['203.0.113.7', '127.0.0.1']);
});
