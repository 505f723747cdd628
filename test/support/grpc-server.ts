import { type ClientHttp2Session, connect } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import type { Test } from 'tap';
import type { Strangers } from '../../src/grpc/strangers.ts';
import {
  createGrpcServer,
  type ListenOptions,
  listen,
  type TransportLimits,
  usualLimits,
} from '../../src/grpc/transport.ts';

export interface ServerSettings {
  readonly limits?: Partial<TransportLimits>;
  readonly tls?: ListenOptions['tls'];
  readonly mostConnections?: number;
}

/** A gRPC server with the methods that `add` gives it, as long as the test runs, or until `close`. */
export async function startGrpcServer(
  t: Test,
  add: (server: Server, strangers: Strangers) => void,
  { limits = {}, tls = null, mostConnections = 100 }: ServerSettings = {},
) {
  const grpc = createGrpcServer({ ...usualLimits, ...limits });
  add(grpc.server, grpc.strangers);
  const connections = { most: mostConnections, trustedProxies: ['127.0.0.1/32'] };
  const listener = await listen(grpc, { host: '127.0.0.1', port: 0, backlog: 100, tls, connections });
  let isClosed = false;
  const close = async (graceMs: number) => {
    isClosed = true;
    await listener.close(graceMs);
  };
  t.teardown(async () => {
    if (!isClosed) await close(0);
  });
  return { port: listener.port, address: `127.0.0.1:${listener.port}`, close };
}

/** A connection below gRPC, as long as the test runs. */
export function connectBelow(t: Test, url: string, options: Parameters<typeof connect>[1] = {}): ClientHttp2Session {
  const session = connect(url, options);
  session.on('error', () => undefined);
  t.teardown(() => session.destroy());
  return session;
}
