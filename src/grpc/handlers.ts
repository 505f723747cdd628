import { once } from 'node:events';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { type AppError, isAppError } from '../errors.ts';
import type { Answer, Handle, Operation } from '../operations/operation.ts';
import { type RefusalLog, shortened } from '../operations/refusal-log.ts';
import {
  admit,
  beginCall,
  type CallDependencies,
  type GrpcCall,
  leaveTrail,
  type Method,
  readParts,
  toOperationCall,
} from './call.ts';
import type { Rpc } from './contract.ts';
import { bareFailure, type Failure, type ToFailure, toAppError } from './errors.ts';
import { codecOf } from './messages.ts';
import { type Fields, partsReader } from './requests.ts';
import { toResponse } from './responses.ts';
import type { Stream } from './streams.ts';
import { validatorOf } from './validation.ts';

export interface HandlerDependencies extends CallDependencies {
  readonly toFailure: ToFailure;
  readonly logger: Logger;
  readonly logRefusal: RefusalLog;
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
  const response = codecOf(rpc.response);
  const answer = async (call: GrpcCall) => {
    await admit(call, dependencies);
    const answered = await handle(toOperationCall(call, readParts(call), dependencies));
    const message = response.encode(toResponse(rpc.operationId, answered.body));
    await leaveTrailOrLog(call, answered, dependencies);
    tellSuccess(call, dependencies);
    return message;
  };
  return (serverCall, respond) => {
    const call = beginCall(serverCall, method, dependencies);
    answer(call)
      .then(
        (message) => respond(null, message),
        async (error: unknown) => respond(await fail(call, rpc, error, dependencies)),
      )
      .catch((error: unknown) => tellUnsent(call, error, dependencies));
  };
}

/** An operation whose answer is a stream. */
export function streaming(
  { rpc, operation }: Served,
  stream: Stream,
  dependencies: HandlerDependencies,
): handleServerStreamingCall<Buffer, Buffer> {
  const method = toMethod(rpc, operation);
  const response = codecOf(rpc.response);
  const answer = async (call: GrpcCall, serverCall: ServerWritableStream<Buffer, Buffer>) => {
    await admit(call, dependencies);
    const operationCall = toOperationCall(call, readParts(call), dependencies);
    const signal = operationCall.signal();
    const messages = await stream(operationCall, signal);
    // Clients may try a call again that was refused before the headers were sent.
    throwIfRefused(signal);
    serverCall.sendMetadata(new Metadata());
    await writeAll(serverCall, messages, response.encode, signal);
    throwIfRefused(signal);
    tellSuccess(call, dependencies);
  };
  return (serverCall) => {
    const call = beginCall(serverCall, method, dependencies);
    answer(call, serverCall)
      .then(
        () => serverCall.end(),
        async (error: unknown) => {
          // The client has ended the call: there is nobody to tell.
          if (serverCall.cancelled) return;
          serverCall.emit('error', await fail(call, rpc, error, dependencies));
        },
      )
      .catch((error: unknown) => tellUnsent(call, error, dependencies));
  };
}

/** Writes the messages no faster than the client reads them, until the signal aborts. */
async function writeAll(
  call: ServerWritableStream<Buffer, Buffer>,
  messages: AsyncIterable<Fields>,
  encode: (message: Fields) => Buffer,
  signal: AbortSignal,
): Promise<void> {
  for await (const message of messages) {
    if (signal.aborted) return;
    if (call.write(encode(message))) continue;
    // It rejects when the signal aborts: then nothing more is to be written.
    await once(call, 'drain', { signal }).catch(() => undefined);
  }
}

/** The service has ended the call, not the client, which is still there to be told. */
function throwIfRefused({ reason }: AbortSignal): void {
  if (isAppError(reason)) throw reason;
}

/** Logs the error, writes the audit entry, and returns how the call ends. Never rejects. */
async function fail(call: GrpcCall, rpc: Rpc, error: unknown, dependencies: HandlerDependencies): Promise<Failure> {
  try {
    const known = toAppError(error);
    tellFailure(call, known, dependencies);
    await leaveTrailOrLog(call, known, dependencies);
    return dependencies.toFailure(known, { ...rpc, requestId: call.requestId });
  } catch (unexpected) {
    return bareFailure(call.requestId, unexpected, dependencies.logger);
  }
}

function toMethod(rpc: Rpc, operation: Operation): Method {
  const request = codecOf(rpc.request);
  const toParts = partsReader(operation.schema);
  return { operation, read: (bytes) => toParts(request.decode(bytes)), validate: validatorOf(operation) };
}

/** The call itself is done. When its entry cannot be stored, that is in the log of the service. */
async function leaveTrailOrLog(
  call: GrpcCall,
  ended: Answer | AppError,
  { audit, logger }: HandlerDependencies,
): Promise<void> {
  await leaveTrail(call, ended, audit).catch((error: unknown) => {
    logger.error({ reqId: call.requestId, err: error }, 'audit entry not stored');
  });
}

function tellSuccess(call: GrpcCall, { logger }: HandlerDependencies): void {
  if (logger.isLevelEnabled('debug')) logger.debug(lineOf(call), 'answered');
}

/** Logs faults of the service in full. A refusal is logged in a line: it may mean that a client needs help. */
function tellFailure(call: GrpcCall, error: AppError, { logger, logRefusal }: HandlerDependencies): void {
  const line = lineOf(call);
  const isFault = error.kind.http >= 500;
  logRefusal({ address: line.address, kind: error.code, isFault }, () => {
    if (isFault) logger.error({ reqId: line.reqId, err: error }, error.message);
    logger.info({ ...line, code: error.code }, 'answered');
  });
}

/** The library could not send the end of a call. */
function tellUnsent({ requestId: reqId }: GrpcCall, error: unknown, { logger }: HandlerDependencies): void {
  logger.error({ reqId, err: error }, 'the answer could not be sent');
}

function lineOf({ requestId: reqId, address, beganAt, principal, method }: GrpcCall) {
  const operation = method.operation.schema.operationId;
  const subject = principal && shortened(principal.subject);
  return { reqId, operation, ms: Math.round(performance.now() - beganAt), subject, address };
}
