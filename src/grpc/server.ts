import { readFile } from 'node:fs/promises';
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import type { Operations } from '../operation.ts';
import type { SandboxService } from '../sandbox/service.ts';
import type { Admit } from '../tenancy/admission.ts';
import type { Audit } from '../tenancy/audit.ts';
import type { Validity } from '../tenancy/validity.ts';
import { type Rpc, readContract } from './contract.ts';
import { type HandlerDependencies, streaming, unary } from './handlers.ts';
import { serveHealth } from './health.ts';
import { codecOf } from './messages.ts';
import { serveReflection } from './reflection.ts';
import { type Stream, streams } from './streams.ts';

export interface GrpcOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM files; null: cleartext. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null;
  readonly operations: Operations;
  readonly service: SandboxService;
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

/** A client that pings more often, or has nothing under way for longer, is let go. */
const limits = {
  'grpc.max_receive_message_length': 64 * 1024,
  // What is sent by half is held without a limit of time.
  'grpc.max_concurrent_streams': 250,
  'grpc.max_connection_idle_ms': 15 * 60_000,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
} as const;

/** Serves the operations over gRPC, with the health and reflection services. Those two need no key. */
export async function startGrpc(options: GrpcOptions): Promise<RunningGrpc> {
  // What goes wrong is told by the errors, to those whom it concerns.
  setLogVerbosity(logVerbosity.NONE);
  const contract = readContract();
  const closing = new AbortController();
  const server = new Server(limits);
  const dependencies = { ...options, closing: closing.signal, expired: codecOf(contract.message('WatchExpired')) };
  const streamed = streams(options.service);
  for (const service of contract.services) {
    const rpcs = contract.rpcs.filter((rpc) => rpc.service === service);
    const served = rpcs.map((rpc) => [rpc, handlerOf(rpc, options, streamed, dependencies)] as const);
    server.addService(definitionOf(rpcs), Object.fromEntries(served.map(([{ name }, handler]) => [name, handler])));
  }
  serveHealth(server, { services: contract.services, checkStore: options.checkStore, closing: closing.signal });
  serveReflection(server, closing.signal);
  const port = await bind(server, options);
  return {
    address: `${bracketed(options.host)}:${port}`,
    async close() {
      closing.abort(new AppError('shutting_down', 'The service is stopping. Try again.', { retryAfterSeconds: 2 }));
      await stop(server);
    },
  };
}

function handlerOf(
  rpc: Rpc,
  { operations }: GrpcOptions,
  streamed: ReadonlyMap<string, Stream>,
  dependencies: HandlerDependencies,
) {
  const operation = operations.get(rpc.operationId);
  const stream = streamed.get(rpc.operationId);
  if (operation && stream && rpc.streams) return streaming({ rpc, operation }, stream, dependencies);
  if (operation?.handle && !rpc.streams) return unary({ rpc, operation }, operation.handle, dependencies);
  throw new Error(`the contract has ${rpc.name}, which no operation is`);
}

/** Messages are read and made by the handlers: what is wrong with one is told as REST tells it. */
function definitionOf(rpcs: readonly Rpc[]): ServiceDefinition<UntypedServiceImplementation> {
  const asItIs = (bytes: Buffer) => bytes;
  return Object.fromEntries(
    rpcs.map(({ name, path, streams }) => [
      name,
      {
        path,
        requestStream: false,
        responseStream: streams,
        requestSerialize: asItIs,
        requestDeserialize: asItIs,
        responseSerialize: asItIs,
        responseDeserialize: asItIs,
      },
    ]),
  );
}

async function bind(server: Server, { host, port, tls }: GrpcOptions): Promise<number> {
  const credentials = tls ? await secure(tls) : ServerCredentials.createInsecure();
  return await new Promise((resolve, reject) => {
    const address = `${bracketed(host)}:${port}`;
    server.bindAsync(address, credentials, (cause, bound) => {
      if (!cause) return resolve(bound);
      const detail = `${address} cannot be opened for gRPC. Is it taken? Set SANDPLANE_GRPC_PORT to another port.`;
      reject(new AppError('config_invalid', detail, { cause }));
    });
  });
}

/** An IPv6 address, so that a port can follow. */
function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

async function secure({ certificateFile, keyFile }: NonNullable<GrpcOptions['tls']>): Promise<ServerCredentials> {
  try {
    const pair = { cert_chain: await readFile(certificateFile), private_key: await readFile(keyFile) };
    return ServerCredentials.createSsl(null, [pair]);
  } catch (cause) {
    const detail = `SANDPLANE_GRPC_TLS_CERT_FILE and SANDPLANE_GRPC_TLS_KEY_FILE: ${(cause as Error).message}`;
    throw new AppError('config_invalid', detail, { cause });
  }
}

/** What is under way may end by itself; then it is cut. */
async function stop(server: Server): Promise<void> {
  const cut = setTimeout(() => server.forceShutdown(), graceMs);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(cut);
}
