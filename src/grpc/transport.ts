import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { type ConnectionLimits, limitConnections } from '../operations/connection-limits.ts';
import { createInterceptor } from './interceptor.ts';
import { createStrangers, type Strangers } from './strangers.ts';

export interface TransportLimits {
  /** What comes of a request must come within that, piece by piece, until all of it is there. */
  readonly receiveWithinMs: number;
  /** A connection without calls is closed. */
  readonly idleMs: number;
  /** One on which there has been no valid call, after that. */
  readonly strangerIdleMs: number;
  readonly pingEveryMs: number;
  /** A connection whose client does not answer a ping is closed. */
  readonly pingWithinMs: number;
}

export const usualLimits: TransportLimits = {
  // As over REST.
  receiveWithinMs: 30_000,
  idleMs: 15 * 60_000,
  strangerIdleMs: 30_000,
  pingEveryMs: 60_000,
  pingWithinMs: 20_000,
};

const longestMessageBytes = 64 * 1024;
const mostCallsPerConnection = 250;
/** What Node holds in memory for the streams of one connection. */
const memoryPerConnectionMb = 32;

export interface GrpcServer {
  readonly server: Server;
  readonly strangers: Strangers;
}

/** A server without methods, which listens nowhere yet. */
export function createGrpcServer(limits: TransportLimits = usualLimits): GrpcServer {
  const strangers = createStrangers(limits.strangerIdleMs);
  // The library would write the values of malformed headers to the terminal: they may be keys.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    'grpc.max_receive_message_length': longestMessageBytes,
    'grpc.max_concurrent_streams': mostCallsPerConnection,
    'grpc.max_connection_idle_ms': limits.idleMs,
    'grpc.keepalive_time_ms': limits.pingEveryMs,
    'grpc.keepalive_timeout_ms': limits.pingWithinMs,
    'grpc-node.max_session_memory': memoryPerConnectionMb,
    // Nobody asks for those statistics.
    'grpc.enable_channelz': 0,
    interceptors: [createInterceptor(limits.receiveWithinMs, strangers)],
  });
  return { server, strangers };
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How many connections may wait to be accepted. */
  readonly backlog: number;
  /** PEM; null: cleartext. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  readonly connections: ConnectionLimits;
}

export interface Listener {
  readonly port: number;
  /** Takes no new calls. Those under way may end by themselves within the grace period; then they are cut. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens for a server of the library, whose own `bindAsync` bounds neither the connections nor those that wait, and
 * would wait for connections that never speak when it closes. Rejects as `net.Server` does.
 */
export async function listen({ server, strangers }: GrpcServer, options: ListenOptions): Promise<Listener> {
  const injector = server.createConnectionInjector(credentialsOf(options));
  const sockets = new Set<Socket>();
  const listener = createServer();
  limitConnections(listener, options.connections);
  listener.on('connection', (socket) => {
    if (socket.destroyed) return;
    sockets.add(socket);
    strangers.watch(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  listener.listen({ host: options.host, port: options.port, backlog: options.backlog });
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    async close(graceMs) {
      const closed = once(listener, 'close');
      listener.close();
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      await closed;
      clearTimeout(cut);
    },
  };
}

function credentialsOf({ tls }: ListenOptions): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }]);
}
