import { once } from 'node:events';
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
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
import type { Test } from 'tap';
import { addressReader } from '../../src/grpc/address.ts';
import type { Strangers } from '../../src/grpc/strangers.ts';
import { connectBelow, type ServerSettings, startGrpcServer } from '../support/grpc-server.ts';

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Respond = (error: object | null, message?: Buffer) => void;

/** The request ids of calls that have ended. */
export const ended: string[] = [];
let written = 0;
/** How many messages the flood has been able to write. */
export const messagesWritten = () => written;

export function asItIs(message: Buffer): Buffer {
  return message;
}

/** Adds methods that do what their names say, whose messages are bytes as they are. */
export const adder =
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

export async function start(t: Test, settings: ServerSettings & { trustedProxies?: readonly string[] } = {}) {
  const { address, port, close } = await startGrpcServer(t, adder(settings.trustedProxies), settings);
  return { port, close, session: connectBelow(t, `http://${address}`), client: clientOf(t, address) };
}

export function clientOf(t: Test, address: string, channel = credentials.createInsecure()): Client {
  const client = new Client(address, channel, { 'grpc.enable_retries': 0 });
  t.teardown(() => client.close());
  return client;
}

/** As a client of the library sees it: the code, and the answer. */
export async function ask(client: Client, path: string, deadline: number = Date.now() + 20_000) {
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
export async function call(
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

export function frame(message: Buffer, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export const hello = frame(Buffer.from('hello'));
