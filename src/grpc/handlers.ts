import { once } from 'node:events';
import { type handleServerStreamingCall, type handleUnaryCall, type ServerWritableStream, status } from '@grpc/grpc-js';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { AppError } from '../errors.ts';
import { isAppError } from '../errors.ts';
import type { Answer, Handle, Operation } from '../operation.ts';
import { beginCall, type CallDependencies, type GrpcCall, type Method } from './call.ts';
import type { Rpc } from './contract.ts';
import { toAppError, toStatus } from './errors.ts';
import { type Codec, codecOf } from './messages.ts';
import { type Fields, partsReader } from './requests.ts';
import { toResponse } from './responses.ts';
import type { Stream } from './streams.ts';
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
export function unary(
  { rpc, operation }: Served,
  handle: Handle,
  dependencies: HandlerDependencies,
): handleUnaryCall<Buffer, Buffer> {
  const method = toMethod(rpc, operation);
  const encode = encoder(rpc, operation);
  const work = async (call: GrpcCall): Promise<[Answer, Buffer]> => {
    await call.admit();
    const answer = await handle(call.toCall(call.receive()));
    return [answer, encode(answer.body)];
  };
  return (raw, reply) => {
    const call = beginCall(raw, method, dependencies);
    const startedAt = performance.now();
    work(call)
      .then(
        async ([answer, bytes]) => {
          await leaveTrail(call, answer, dependencies);
          call.sendMetadata();
          reply(null, bytes);
          dependencies.logger.debug(lineOf(call, startedAt), 'answered');
        },
        async (error: unknown) => {
          const known = toAppError(error);
          tell(call, known, startedAt, dependencies);
          await leaveTrail(call, known, dependencies);
          call.sendMetadata();
          reply(toStatus(known, { ...call, request: rpc.request }, dependencies.expired));
        },
      )
      .catch((error: unknown) => reply(bareStatus(call, error, dependencies)));
  };
}

/** An operation whose answer goes on until the client goes. */
export function streaming(
  { rpc, operation }: Served,
  stream: Stream,
  dependencies: HandlerDependencies,
): handleServerStreamingCall<Buffer, Buffer> {
  const method = toMethod(rpc, operation);
  const response = codecOf(rpc.response);
  return (raw) => {
    const call = beginCall(raw, method, dependencies);
    const startedAt = performance.now();
    const work = async (): Promise<void> => {
      await call.admit();
      const operationCall = call.toCall(call.receive());
      const gone = operationCall.gone();
      call.sendMetadata();
      await send(raw, await stream(operationCall, gone), response, gone);
      // It was not the client who ended it.
      if (isAppError(gone.reason)) throw gone.reason;
      raw.end();
    };
    const refuse = (error: unknown) => {
      if (raw.cancelled) return;
      const known = toAppError(error);
      tell(call, known, startedAt, dependencies);
      raw.emit('error', toStatus(known, { ...call, request: rpc.request }, dependencies.expired));
    };
    work()
      .catch(refuse)
      .catch((error: unknown) => raw.emit('error', bareStatus(call, error, dependencies)));
  };
}

/** What is read often is stored as text, and the same text makes the same message. Answers with secrets are not reads. */
function encoder(rpc: Rpc, { method, schema: { operationId } }: Operation): (body: unknown) => Buffer {
  const response = codecOf(rpc.response);
  const recent = new LRUCache<string, Buffer>({ max: keepEncoded });
  return (body) => {
    const known = typeof body === 'string' ? recent.get(body) : undefined;
    if (known) return known;
    const bytes = response.encode(toResponse(operationId, body));
    if (typeof body === 'string' && method === 'GET') recent.set(body, bytes);
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
  };
}

/** As fast as the client reads: one that does not holds up nothing but itself. */
async function send(
  raw: ServerWritableStream<Buffer, Buffer>,
  messages: AsyncIterable<Fields>,
  response: Codec,
  gone: AbortSignal,
): Promise<void> {
  for await (const message of messages) {
    if (gone.aborted) return;
    if (raw.write(response.encode(message))) continue;
    // The rejection only says that nobody reads any more.
    await once(raw, 'drain', { signal: gone }).catch(() => undefined);
  }
}

async function leaveTrail(call: GrpcCall, ended: Answer | AppError, { logger }: HandlerDependencies): Promise<void> {
  // The call itself is done: the log of the service has it at least.
  await call.leaveTrail(ended)?.catch((error: unknown) => {
    logger.error({ reqId: call.requestId, err: error, operation: call.operationId }, 'audit entry not stored');
  });
}

/** What is ours is told in full; what was refused tells of a client that needs help. */
function tell(call: GrpcCall, error: AppError, startedAt: number, { logger }: HandlerDependencies): void {
  const line = lineOf(call, startedAt);
  if (error.kind.http >= 500) logger.error({ reqId: line.reqId, err: error }, error.message);
  logger.info({ ...line, code: error.code }, 'answered');
}

function lineOf({ requestId: reqId, operationId: operation, subject, address }: GrpcCall, startedAt: number) {
  return { reqId, operation, ms: Math.round(performance.now() - startedAt), subject: subject(), address };
}

/** When not even the answer could be made. */
function bareStatus({ requestId: reqId }: GrpcCall, error: unknown, { logger }: HandlerDependencies) {
  logger.error({ reqId, err: error }, 'the answer could not be made');
  return { code: status.INTERNAL, details: 'The log tells more under this request id.' };
}
