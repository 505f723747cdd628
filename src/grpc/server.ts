import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Operations } from '../operations/operation.ts';
import type { SandboxService } from '../sandbox/service.ts';
import type { Admit } from '../tenancy/admission.ts';
import type { Audit } from '../tenancy/audit.ts';
import type { Validity } from '../tenancy/validity.ts';
import type { Watch } from '../watch/watch.ts';
import { type Rpc, readContract } from './contract.ts';
import { type HandlerDependencies, streaming, unary } from './handlers.ts';
import { healthMethods } from './health.ts';
import { codecOf } from './messages.ts';
import { reflectionMethods } from './reflection.ts';
import { type Stream, streams } from './streams.ts';
import { createGrpcServer, type Serve } from './transport/server.ts';

export interface GrpcOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How many connections may wait to be accepted. */
  readonly backlog: number;
  /** PEM files; null: cleartext. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null;
  /** Whose `X-Forwarded-For` is believed, as CIDRs. */
  readonly trustedProxies: readonly string[];
  readonly operations: Operations;
  readonly service: SandboxService;
  readonly watch: Watch;
  readonly admit: Admit;
  readonly audit: Audit;
  readonly untilInvalid: Validity;
  /** Throws when the store does not answer. */
  readonly checkStore: () => Promise<void>;
  readonly logger: Logger;
}

export interface RunningGrpc {
  /** host:port */
  readonly address: string;
  close(): Promise<void>;
}

const graceMs = 5000;

/** Serves the operations over gRPC, with the health and reflection services. Those two need no key. */
export async function startGrpc(options: GrpcOptions): Promise<RunningGrpc> {
  const contract = readContract();
  const closing = new AbortController();
  const streamed = streams(options.service, options.watch);
  const dependencies = { ...options, closing: closing.signal, expired: codecOf(contract.message('WatchExpired')) };
  const methods = new Map([
    ...contract.rpcs.map((rpc) => [rpc.path, serveOf(rpc, options, streamed, dependencies)] as const),
    ...healthMethods({ services: contract.services, checkStore: options.checkStore, closing: closing.signal }),
    ...reflectionMethods(closing.signal, options.logger),
  ]);
  const { host, trustedProxies } = options;
  const server = await secured(options, (tls) => createGrpcServer({ methods, tls, trustedProxies }));
  const port = await server.listen(host, options.port, options.backlog).catch((cause: unknown) => {
    const detail = `${bracketed(host)}:${options.port} cannot be opened for gRPC. Is it taken? Set SANDPLANE_GRPC_PORT to another port.`;
    throw new AppError('config_invalid', detail, { cause });
  });
  return {
    address: `${bracketed(host)}:${port}`,
    async close() {
      closing.abort(new AppError('shutting_down', 'The service is stopping. Try again.', { retryAfterSeconds: 2 }));
      await server.close(graceMs);
    },
  };
}

function serveOf(
  rpc: Rpc,
  { operations }: GrpcOptions,
  streamed: ReadonlyMap<string, Stream>,
  dependencies: HandlerDependencies,
): Serve {
  const operation = operations.get(rpc.operationId);
  const stream = streamed.get(rpc.operationId);
  if (operation && stream && rpc.streams) return streaming({ rpc, operation }, stream, dependencies);
  if (operation?.handle && !rpc.streams) return unary({ rpc, operation }, operation.handle, dependencies);
  throw new Error(`the contract has ${rpc.name}, which no operation is`);
}

/** An IPv6 address, so that a port can follow. */
function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Makes what takes a key and its certificate, in PEM. */
async function secured<Made>({ tls }: GrpcOptions, make: (tls: { cert: Buffer; key: Buffer } | null) => Made) {
  if (!tls) return make(null);
  try {
    return make({ cert: await readFile(tls.certificateFile), key: await readFile(tls.keyFile) });
  } catch (cause) {
    const detail = `SANDPLANE_GRPC_TLS_CERT_FILE and SANDPLANE_GRPC_TLS_KEY_FILE: ${(cause as Error).message}`;
    throw new AppError('config_invalid', detail, { cause });
  }
}
