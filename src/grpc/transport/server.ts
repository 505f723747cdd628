import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import proxyaddr from '@fastify/proxy-addr';
import { type ConnectionTimes, serveConnection, usualTimes } from './connection.ts';
import { closeUnread, Exchange } from './exchange.ts';
import { StatusError } from './status.ts';

/** Serves one call of a method. */
export type Serve = (exchange: Exchange) => void;

export interface ServerOptions {
  /** By their path, `/<package>.<service>/<method>`. */
  readonly methods: ReadonlyMap<string, Serve>;
  /** PEM; null: cleartext. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  /** Whose `X-Forwarded-For` is believed, as CIDRs. */
  readonly trustedProxies: readonly string[];
  readonly times?: ConnectionTimes;
}

const limits = {
  settings: { maxConcurrentStreams: 250, maxHeaderListSize: 16 * 1024 },
  // In MB: what Node holds for the streams of one connection.
  maxSessionMemory: 32,
};

/**
 * A gRPC server on Node's HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Not that of a library: a
 * read would take half as much CPU again over @grpc/grpc-js 1.14, and several times as much over Connect 2.
 */
export function createGrpcServer({ methods, tls, trustedProxies, times = usualTimes }: ServerOptions) {
  const server = tls ? createSecureServer({ ...limits, ...tls }) : createServer(limits);
  const trust = trustedProxies.length > 0 ? proxyaddr.compile([...trustedProxies]) : undefined;
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    const addressOf = addressReader(session, trust);
    serveConnection(session, (stream, headers) => accept(stream, headers, addressOf(headers), methods), times);
  });

  return {
    /** The port. Rejects as `net.Server` does. */
    async listen(host: string, port: number, backlog: number): Promise<number> {
      server.listen({ port, host, backlog });
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    },
    /** Takes no new calls. Those under way may end by themselves for as long; then they are cut. */
    async close(graceMs: number): Promise<void> {
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      await closed;
      clearTimeout(cut);
    },
  };
}

/** As REST has it. */
function addressReader({ socket }: ServerHttp2Session, trust: ReturnType<typeof proxyaddr.compile> | undefined) {
  const { remoteAddress = '' } = socket;
  if (!trust) return () => remoteAddress;
  return (headers: IncomingHttpHeaders) => proxyaddr({ headers, socket } as never, trust);
}

function accept(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  address: string,
  methods: ServerOptions['methods'],
): Exchange | undefined {
  const { ':method': method, ':path': path = '', 'content-type': type = '' } = headers;
  if (method !== 'POST') return refuse(stream, { ':status': 405, allow: 'POST' });
  if (!/^application\/grpc(?:[+;]|$)/.test(type)) return refuse(stream, { ':status': 415 });
  const exchange = new Exchange(stream, headers, address);
  const serve = methods.get(path) ?? serveNothing;
  exchange.attempt(() => {
    exchange.start();
    serve(exchange);
  });
  return exchange;
}

function serveNothing(): void {
  throw new StatusError('UNIMPLEMENTED', 'There is no such method. Reflection tells those that there are.');
}

/** What is not gRPC. */
function refuse(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): undefined {
  stream.on('error', () => undefined);
  stream.respond(headers, { endStream: true });
  closeUnread(stream);
}
