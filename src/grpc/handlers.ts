import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { AppError } from '../errors.ts';
import { isAppError } from '../errors.ts';
import type { Answer, Call, Handle, Operation, OperationSchema } from '../operations/operation.ts';
import { type CallDependencies, GrpcCall, type Method } from './call.ts';
import type { Rpc } from './contract.ts';
import { bareStatus, toAppError, toStatus } from './errors.ts';
import { type Codec, codecOf } from './messages.ts';
import { partsReader } from './requests.ts';
import { toResponse } from './responses.ts';
import type { Stream } from './streams.ts';
import type { Exchange } from './transport/exchange.ts';
import type { Serve } from './transport/server.ts';
import { validatorOf } from './validation.ts';

/** Of each operation; a sandbox takes some hundred bytes. */
const keepEncoded = 500;

export interface HandlerDependencies extends CallDependencies {
  /** The detail of `watch_expired`. */
  readonly expired: Codec;
  readonly logger: Logger;
}

interface Served {
  readonly rpc: Rpc;
  readonly operation: Operation;
}

/** An operation with one answer. */
export function unary({ rpc, operation }: Served, handle: Handle, dependencies: HandlerDependencies): Serve {
  const encode = encoder(rpc, operation);
  return served({ rpc, operation }, dependencies, async (call) => {
    const operationCall = call.toCall(call.receive());
    const answer = await handle(operationCall);
    const message = encode(answer.body, operationCall);
    await leaveTrail(call, answer, dependencies);
    call.exchange.finish(message);
  });
}

/** An operation whose answer goes on until the client goes. */
export function streaming({ rpc, operation }: Served, stream: Stream, dependencies: HandlerDependencies): Serve {
  const response = codecOf(rpc.response);
  return served({ rpc, operation }, dependencies, async (call) => {
    const { exchange } = call;
    const operationCall = call.toCall(call.receive());
    const gone = operationCall.signal();
    const messages = await stream(operationCall, gone);
    // What is refused before the begin, clients may try again.
    if (isAppError(gone.reason)) throw gone.reason;
    exchange.begin();
    for await (const message of messages) {
      if (gone.aborted) break;
      await exchange.write(response.encode(message), gone);
    }
    // It was not the client who ended it.
    if (isAppError(gone.reason)) throw gone.reason;
    exchange.finish();
  });
}

/** Ends every call, once it may be made: by `answer`, or with the status of its error. */
function served(
  { rpc, operation }: Served,
  dependencies: HandlerDependencies,
  answer: (call: GrpcCall) => Promise<void>,
): Serve {
  const method = toMethod(rpc, operation);
  const { logger } = dependencies;
  const serve = async (exchange: Exchange, request: Buffer): Promise<void> => {
    const call = new GrpcCall(exchange, request, method, dependencies);
    try {
      await call.admit();
      await answer(call);
      if (logger.isLevelEnabled('debug')) logger.debug(lineOf(call, rpc), 'answered');
    } catch (error) {
      await refuse(call, rpc, error, dependencies);
    }
  };
  return (exchange) =>
    exchange.receive((request) => {
      serve(exchange, request).catch((error: unknown) => exchange.end(bareStatus(exchange, error, logger)));
    });
}

async function refuse(call: GrpcCall, rpc: Rpc, error: unknown, dependencies: HandlerDependencies): Promise<void> {
  const { exchange } = call;
  // What failed then is that nobody reads any more.
  if (rpc.streams && exchange.isGone) return;
  const known = toAppError(error);
  tell(call, rpc, known, dependencies);
  await leaveTrail(call, known, dependencies);
  exchange.end(toStatus(known, { ...rpc, requestId: exchange.requestId }, dependencies.expired));
}

/**
 * What is read often is stored as text, and the same text makes the same message. Answers with secrets are not reads. Kept
 * by what was asked for: texts are long keys.
 */
function encoder(rpc: Rpc, { method, schema: { operationId } }: Operation): (body: unknown, call: Call) => Buffer {
  const response = codecOf(rpc.response);
  const recent = new LRUCache<string, { readonly text: string; readonly bytes: Buffer }>({ max: keepEncoded });
  return (body, { params }) => {
    const { id } = (params ?? {}) as { id?: string };
    const known = id === undefined ? undefined : recent.get(id);
    if (known && known.text === body) return known.bytes;
    const bytes = response.encode(toResponse(operationId, body));
    if (id !== undefined && typeof body === 'string' && method === 'GET') recent.set(id, { text: body, bytes });
    return bytes;
  };
}

function toMethod(rpc: Rpc, operation: Operation): Method {
  const request = codecOf(rpc.request);
  const toParts = partsReader(operation.schema);
  return {
    operation,
    read: (bytes) => toParts(request.decode(bytes)),
    validate: validatorOf(operation),
    isReadEarly: takesProject(operation.schema),
  };
}

function takesProject({ params }: OperationSchema): boolean {
  return 'project' in ((params as { properties?: object } | undefined)?.properties ?? {});
}

async function leaveTrail(call: GrpcCall, ended: Answer | AppError, { logger }: HandlerDependencies): Promise<void> {
  // The call itself is done: the log of the service has it at least.
  await call.leaveTrail(ended)?.catch((error: unknown) => {
    logger.error({ reqId: call.exchange.requestId, err: error }, 'audit entry not stored');
  });
}

/** What is ours is told in full; what was refused tells of a client that needs help. */
function tell(call: GrpcCall, rpc: Rpc, error: AppError, { logger }: HandlerDependencies): void {
  const line = lineOf(call, rpc);
  if (error.kind.http >= 500) logger.error({ reqId: line.reqId, err: error }, error.message);
  logger.info({ ...line, code: error.code }, 'answered');
}

function lineOf({ exchange, subject }: GrpcCall, { operationId: operation }: Rpc) {
  const { requestId: reqId, address, beganAt } = exchange;
  return { reqId, operation, ms: Math.round(performance.now() - beganAt), subject, address };
}
