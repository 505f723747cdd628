import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { usualTimes } from '../../src/grpc/transport/connection.ts';
import type { Exchange } from '../../src/grpc/transport/exchange.ts';
import { createGrpcServer, type Serve } from '../../src/grpc/transport/server.ts';
import { statusCodes as codes, StatusError } from '../../src/grpc/transport/status.ts';
import { createCredentials } from '../../src/runtime/pki.ts';
import { until } from '../support/until.ts';

t.setTimeout(60_000);

const gone: string[] = [];
const methods = new Map<string, Serve>([
  ['/t/Echo', (exchange) => exchange.receive((message) => exchange.finish(message))],
  ['/t/Fail', (exchange) => exchange.receive(() => exchange.end({ code: 'ABORTED', message: '100 % – no\n' }))],
  ['/t/Address', (exchange) => exchange.receive(() => exchange.finish(Buffer.from(exchange.address)))],
  ['/t/Never', (exchange) => exchange.receive(() => exchange.onGone(() => gone.push(exchange.requestId)))],
  ['/t/Flood', (exchange) => exchange.receive(() => void flood(exchange))],
  ['/t/EchoEach', (exchange) => void echoEach(exchange)],
]);

async function echoEach(exchange: Exchange): Promise<void> {
  try {
    for await (const message of exchange.messages()) await exchange.write(message, exchange.gone());
    exchange.finish();
  } catch (error) {
    if (error instanceof StatusError) exchange.end(error);
  }
}

/** More than any client takes without reading. */
async function flood(exchange: Exchange): Promise<void> {
  const enough = new AbortController();
  exchange.onGone(() => gone.push(exchange.requestId));
  setTimeout(() => enough.abort(), 200);
  while (!enough.signal.aborted) await exchange.write(Buffer.alloc(60_000), enough.signal);
  exchange.finish();
}

async function start(t: Test, more: Partial<Parameters<typeof createGrpcServer>[0]> = {}) {
  const server = createGrpcServer({ methods, tls: null, trustedProxies: [], ...more });
  const port = await server.listen('127.0.0.1', 0, 100);
  t.teardown(() => server.close(0));
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  t.teardown(() => session.destroy());
  return { port, session };
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
  let [first, last]: [IncomingHttpHeaders, IncomingHttpHeaders] = [{}, {}];
  stream.on('response', (given) => {
    first = given;
  });
  stream.on('trailers', (given) => {
    last = given;
  });
  stream.on('data', (piece: Buffer) => body.push(piece));
  for (const piece of pieces) {
    if (!stream.destroyed) stream.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (!open) stream.end();
  await closed;
  // Without a message, both are one.
  last = { ...first, ...last };
  const code = last['grpc-status'];
  return {
    headers: first,
    code: code === undefined ? undefined : Number(code),
    message: decodeURIComponent(String(last['grpc-message'] ?? '')),
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

t.test('what is not gRPC is refused in terms of HTTP', async (t) => {
  const { session } = await start(t);
  const got = await call(session, '/t/Echo', [], { headers: { ':method': 'GET' } });
  t.same([got.headers[':status'], got.headers.allow], [405, 'POST']);
  const json = await call(session, '/t/Echo', [hello], { headers: { 'content-type': 'application/json' } });
  t.equal(json.headers[':status'], 415);
  const proto = await call(session, '/t/Echo', [hello], { headers: { 'content-type': 'application/grpc+proto' } });
  t.equal(proto.code, codes.OK);
});

t.test('a message may come in pieces, and there is one of it', async (t) => {
  const { session } = await start(t);
  const long = frame(Buffer.alloc(3000, 'x'));
  const bytes = Array.from(long, (byte) => Buffer.of(byte));
  t.same((await call(session, '/t/Echo', bytes)).body, long);
  t.same((await call(session, '/t/Echo', [frame(Buffer.of())])).body, frame(Buffer.of()), 'an empty one');
  t.equal((await call(session, '/t/Echo', [])).code, codes.UNIMPLEMENTED, 'none');
  t.equal((await call(session, '/t/Echo', [hello.subarray(0, 7)])).code, codes.UNIMPLEMENTED, 'a half');
  t.same((await call(session, '/t/Echo', [Buffer.concat([hello, hello])])).body, hello, 'what follows is ignored');
  const head = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
  t.equal((await call(session, '/t/Echo', [head], { open: true })).code, codes.RESOURCE_EXHAUSTED, 'not waited for');
  t.equal((await call(session, '/t/None', [hello], { open: true })).code, codes.UNIMPLEMENTED, 'no method');
});

t.test('messages may be compressed', async (t) => {
  const { session } = await start(t);
  const send = async (encoding: string | null, body: Buffer) =>
    await call(session, '/t/Echo', [frame(body, 1)], { headers: encoding ? { 'grpc-encoding': encoding } : {} });
  const text = Buffer.from('hello');
  t.same((await send('gzip', gzipSync(text))).body, hello);
  t.same((await send('deflate', deflateSync(text))).body, hello);
  t.equal((await send('gzip', gzipSync(Buffer.alloc(10_000_000)))).code, codes.RESOURCE_EXHAUSTED, 'a bomb');
  t.equal((await send('gzip', text)).code, codes.INTERNAL, 'not compressed');
  t.equal((await send(null, text)).code, codes.INTERNAL, 'by what is not said');
  const unknown = await send('snappy', text);
  t.same([unknown.code, unknown.headers['grpc-accept-encoding']], [codes.UNIMPLEMENTED, 'identity,gzip,deflate']);
});

t.test('a status arrives as it was meant, with the request id', async (t) => {
  const { session } = await start(t);
  const failed = await call(session, '/t/Fail', [hello], { headers: { 'x-request-id': 'my-request-1' } });
  t.same([failed.code, failed.message], [codes.ABORTED, '100 % – no\n']);
  t.equal(failed.headers['x-request-id'], 'my-request-1');
  t.match((await call(session, '/t/Echo', [hello])).headers['x-request-id'], /^req-/);
  t.equal(failed.headers['grpc-status'], String(codes.ABORTED), 'in one piece, so that clients may try again');
});

t.test('several messages, and what is wrong with one of them', async (t) => {
  const { session } = await start(t);
  const both = await call(session, '/t/EchoEach', [hello, hello]);
  t.same([both.code, both.body], [codes.OK, Buffer.concat([hello, hello])]);
  const second = await call(session, '/t/EchoEach', [hello, frame(Buffer.from('x'), 1)], { open: true });
  t.same([second.code, second.body], [codes.INTERNAL, hello], 'the second');
  t.equal((await call(session, '/t/EchoEach', [frame(Buffer.from('x'), 1)])).code, codes.INTERNAL, 'the first');
});

t.test('deadlines', async (t) => {
  const { session } = await start(t);
  const wait = (timeout: string) =>
    call(session, '/t/Never', [hello], { headers: { 'grpc-timeout': timeout, 'x-request-id': `within-${timeout}` } });
  t.equal((await wait('50m')).code, codes.DEADLINE_EXCEEDED);
  t.equal((await wait('50000u')).code, codes.DEADLINE_EXCEEDED);
  t.same(gone.splice(0), ['within-50m', 'within-50000u'], 'the method is told');
  t.equal((await wait('0S')).code, codes.DEADLINE_EXCEEDED);
  for (const odd of ['', '5', 'm', '123456789S', '-1S', '1.5S', '1d']) {
    t.equal((await wait(odd)).code, codes.INTERNAL, odd);
  }
});

t.test('a client that goes is heard of, however it goes', async (t) => {
  const { session, port } = await start(t);
  gone.length = 0;
  const ask = (from: ClientHttp2Session, id: string) => {
    const stream = from.request({
      ':method': 'POST',
      ':path': '/t/Never',
      'content-type': 'application/grpc',
      'x-request-id': id,
    });
    stream.on('error', () => undefined);
    stream.end(hello);
    return stream;
  };
  const reset = ask(session, 'is-reset');
  const other = connect(`http://127.0.0.1:${port}`);
  other.on('error', () => undefined);
  ask(other, 'has-no-connection');
  await call(session, '/t/Echo', [hello]);
  await call(other, '/t/Echo', [hello]);
  reset.close();
  other.destroy();
  await until(() => gone.length === 2);
  t.same(gone.splice(0).sort(), ['has-no-connection', 'is-reset']);
  t.equal((await call(session, '/t/Echo', [hello])).code, codes.OK, 'others are served on');
});

t.test('what takes too long is let go', async (t) => {
  const times = { ...usualTimes, lookEvery: 20, receiveWithin: 100, idle: 5000 };
  const { session } = await start(t, { times });
  for (const path of ['/t/Echo', '/t/EchoEach']) {
    const half = await call(session, path, [hello.subarray(0, 7)], { open: true });
    t.equal(half.code, codes.DEADLINE_EXCEEDED, `${path}: a request that is sent by half`);
  }
  const another = await call(session, '/t/EchoEach', [hello], { open: true });
  t.same([another.code, another.body], [codes.DEADLINE_EXCEEDED, hello], 'the next of several');
  const happened: string[] = [];
  session.on('goaway', () => happened.push('goaway'));
  session.on('close', () => happened.push('close'));
  const { code } = await call(session, '/t/Never', [hello], { headers: { 'grpc-timeout': '7S' } });
  t.equal(code, codes.DEADLINE_EXCEEDED);
  t.same(happened, [], 'a connection with a call under way is not idle');
  await until(() => happened.includes('close'));
});

t.test('what is refused or answered early does not hold its connection', async (t) => {
  const { session } = await start(t, { times: { ...usualTimes, lookEvery: 20, idle: 1000 } });
  const refused = await call(session, '/t/Echo', [hello], { headers: { ':method': 'PUT' }, open: true });
  t.equal(refused.headers[':status'], 405);
  t.equal((await call(session, '/t/Echo', [hello], { open: true })).code, codes.OK);
  await once(session, 'close');
});

t.test('a client that does not answer a ping is gone; one that never speaks, too', async (t) => {
  const { port, session } = await start(t, { times: { ...usualTimes, pingEvery: 50, pingWithin: 6000 } });
  const silent = connectSocket(port, '127.0.0.1').resume();
  await once(silent, 'close');
  t.equal((await call(session, '/t/Echo', [hello])).code, codes.OK, 'one that answers stays');
});

t.test('an end is not kept for ever for one that does not read', async (t) => {
  const { session, port } = await start(t, { times: { ...usualTimes, lookEvery: 20, linger: 8000 } });
  gone.length = 0;
  const ask = (from: ClientHttp2Session, path: string, id: string) => {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', 'x-request-id': id };
    const stream = from.request(headers);
    stream.on('error', () => undefined);
    stream.pause();
    stream.end(hello);
  };
  ask(session, '/t/Flood', 'was-flooded');
  const shut = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
  shut.on('error', () => undefined);
  t.teardown(() => shut.destroy());
  ask(shut, '/t/Echo', 'has-no-window');
  t.equal((await call(session, '/t/Echo', [hello])).code, codes.OK, 'others are served');
  t.same(gone, [], 'meanwhile it is kept');
  await until(() => gone.includes('was-flooded'));
  await new Promise<void>((resolve) => shut.close(resolve));
});

t.test('TLS, and an end that waits for calls, but not for ever', async (t) => {
  const { serverCert, serverKey, caCert } = await createCredentials(['127.0.0.1']);
  const tls = { cert: Buffer.from(serverCert), key: Buffer.from(serverKey) };
  const server = createGrpcServer({ methods, tls, trustedProxies: [] });
  const port = await server.listen('127.0.0.1', 0, 100);
  const session = connect(`https://127.0.0.1:${port}`, { ca: caCert });
  session.on('error', () => undefined);
  t.same((await call(session, '/t/Echo', [hello])).body, hello);
  const late = call(session, '/t/Never', [hello], { headers: { 'grpc-timeout': '300m' } });
  const never = call(session, '/t/Never', [hello]);
  const silent = connectSocket(port, '127.0.0.1').resume();
  await once(silent, 'connect');
  await call(session, '/t/Echo', [hello]);
  await server.close(5000);
  t.equal((await late).code, codes.DEADLINE_EXCEEDED, 'ended by itself');
  t.equal((await never).code, undefined, 'cut');
});

t.test('who is behind a trusted proxy', async (t) => {
  const forwarded = { headers: { 'x-forwarded-for': '203.0.113.7, 10.0.0.1' } };
  const { session: trusting } = await start(t, { trustedProxies: ['127.0.0.1/32', '10.0.0.0/8'] });
  const { session: wary } = await start(t);
  const addressOf = async (session: ClientHttp2Session) =>
    (await call(session, '/t/Address', [hello], forwarded)).body.subarray(5).toString();
  t.same([await addressOf(trusting), await addressOf(wary)], ['203.0.113.7', '127.0.0.1']);
});
