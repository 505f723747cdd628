import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Server } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { authorityOf } from '../config/authority.ts';
import { cannotListen } from '../config/cannot-listen.ts';
import { AppError, serviceStopping } from '../errors.ts';
import type { Operations } from '../operations/operation.ts';
import type { RefusalLog } from '../operations/refusal-log.ts';
import type { SandboxService } from '../sandbox/service.ts';
import type { Admit } from '../tenancy/admission.ts';
import type { Audit } from '../tenancy/audit.ts';
import type { Validity } from '../tenancy/validity.ts';
import type { Watch } from '../watch/watch.ts';
import { addressReader } from './address.ts';
import { type Contract, readContract } from './contract.ts';
import { createFailures } from './errors.ts';
import { readGoogleRpc } from './google-rpc.ts';
import { type HandlerDependencies, streaming, unary } from './handlers.ts';
import { addHealth } from './health.ts';
import { codecOf } from './messages.ts';
import { addReflection } from './reflection.ts';
import { streams } from './streams.ts';
import { createGrpcServer, type ListenOptions, listen } from './transport.ts';

export interface GrpcOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How many connections may wait to be accepted. */
  readonly backlog: number;
  /** Of all clients together; most have one. */
  readonly mostConnections: number;
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
  readonly logRefusal: RefusalLog;
}

export interface RunningGrpc {
  /** host:port */
  readonly address: string;
  close(): Promise<void>;
}

const graceMs = 5000;

/** Serves the operations over gRPC, with the health and reflection services. Those two need no key. */
export async function startGrpc(options: GrpcOptions): Promise<RunningGrpc> {
  const { host, port, backlog, checkStore } = options;
  const contract = readContract();
  const closing = new AbortController();
  const tls = await readTls(options);
  const grpc = createGrpcServer();
  const { server, strangers } = grpc;
  addOperations(server, contract, options, {
    ...options,
    closing: closing.signal,
    strangers,
    addressOf: addressReader(options.trustedProxies),
    toFailure: createFailures(readGoogleRpc(), codecOf(contract.message('WatchExpired'))),
  });
  addHealth(server, { services: contract.services, checkStore, closing: closing.signal });
  addReflection(server, closing.signal);
  const connections = { most: options.mostConnections, trustedProxies: options.trustedProxies };
  const listener = await listen(grpc, { host, port, backlog, tls, connections }).catch((error: unknown) => {
    closing.abort();
    throw cannotListen(error, { host, port, setting: 'SANDPLANE_GRPC_PORT' });
  });
  return {
    address: authorityOf(host, listener.port),
    async close() {
      closing.abort(serviceStopping());
      await listener.close(graceMs);
    },
  };
}

/** Gives the server a method for each rpc of the contract. Throws when there is no such operation. */
function addOperations(
  server: Server,
  { rpcs }: Contract,
  { operations, service, watch }: GrpcOptions,
  dependencies: HandlerDependencies,
): void {
  const streamed = streams(service, watch);
  for (const rpc of rpcs) {
    const operation = operations.get(rpc.operationId);
    const stream = streamed.get(rpc.operationId);
    if (operation && stream && rpc.streams) {
      server.register(rpc.path, streaming({ rpc, operation }, stream, dependencies), asItIs, asItIs, 'serverStream');
    } else if (operation?.handle && !rpc.streams) {
      server.register(rpc.path, unary({ rpc, operation }, operation.handle, dependencies), asItIs, asItIs, 'unary');
    } else {
      throw new Error(`the contract has ${rpc.name}, which no operation is`);
    }
  }
}

/** Handlers decode and encode the messages: they can tell what is wrong with one. */
function asItIs(message: Buffer): Buffer {
  return message;
}

/** The certificate and its key, in PEM. Throws `config_invalid` when they are not there or do not fit. */
async function readTls({ tls }: GrpcOptions): Promise<ListenOptions['tls']> {
  if (!tls) return null;
  try {
    const read = { cert: await readFile(tls.certificateFile), key: await readFile(tls.keyFile) };
    createSecureContext(read);
    return read;
  } catch (cause) {
    const detail = `SANDPLANE_GRPC_TLS_CERT_FILE and SANDPLANE_GRPC_TLS_KEY_FILE: ${(cause as Error).message}`;
    throw new AppError('config_invalid', detail, { cause });
  }
}
