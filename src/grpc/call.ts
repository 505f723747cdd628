import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { AppError, isAppError } from '../errors.ts';
import type { Answer, Call, Operation } from '../operations/operation.ts';
import { type Endings, requestSignal } from '../operations/request-signal.ts';
import type { Admit } from '../tenancy/admission.ts';
import { type Audit, auditNote } from '../tenancy/audit.ts';
import type { NamedProject } from '../tenancy/authenticate.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { Parts } from './requests.ts';
import type { Strangers } from './strangers.ts';
import type { Validate } from './validation.ts';

/** An operation as it is called over gRPC. */
export interface Method {
  readonly operation: Operation;
  /** Throws when the bytes are not the message. */
  readonly read: (bytes: Buffer) => Parts;
  readonly validate: Validate;
}

export interface CallDependencies extends Endings {
  readonly admit: Admit;
  readonly audit: Audit;
  readonly strangers: Strangers;
  /** Of the client, or of the proxy that is trusted to tell it. */
  readonly addressOf: (call: ServerCall) => string;
}

/** A call as the library passes it, with one answer or a stream of them. */
export type ServerCall = ServerUnaryCall<Buffer, unknown> | ServerWritableStream<Buffer, unknown>;

/** One call: what was sent, who calls, and what is noted for the audit log. */
export interface GrpcCall {
  readonly server: ServerCall;
  readonly method: Method;
  readonly requestId: string;
  readonly address: string;
  /** Of `performance.now()`. */
  readonly beganAt: number;
  readonly message: Decoded;
  /** Undefined until the caller is authenticated. */
  principal: Principal | undefined;
  /** Whose audit log has the call, where it is not the caller's project. */
  auditedProject: string | undefined;
  /** Whether a change has written the audit entry in its own transaction. */
  isAudited: boolean;
}

type Decoded = { readonly parts: Parts } | { readonly parts?: never; readonly error: unknown };

/** Nothing is checked yet: first `admit`, then `readParts`. */
export function beginCall(server: ServerCall, method: Method, { addressOf }: CallDependencies): GrpcCall {
  return {
    server,
    method,
    requestId: headerOf(server, 'x-request-id') ?? '',
    address: addressOf(server),
    beganAt: performance.now(),
    message: decode(method, server.request),
    principal: undefined,
    auditedProject: undefined,
    isAudited: false,
  };
}

/** Keeps the error for later: only callers who may call the operation are told that the message cannot be read. */
function decode(method: Method, bytes: Buffer): Decoded {
  try {
    return { parts: method.read(bytes) };
  } catch (error) {
    return { error };
  }
}

/** Authenticates the caller and checks that he may call the operation. Throws AppError. */
export async function admit(call: GrpcCall, dependencies: CallDependencies): Promise<void> {
  const { closing } = dependencies;
  if (closing.aborted) throw closing.reason;
  const named = [
    ...toNamed(call.message.parts?.params.project, '#path/project'),
    ...toNamed(headerOf(call.server, 'sandplane-project'), '#header/sandplane-project'),
  ];
  const authorization = headerOf(call.server, 'authorization');
  const { principal, refusal } = await dependencies.admit(authorization, named, call.method.operation.scope);
  call.principal = principal;
  dependencies.strangers.callIsValid(call.server.getPeer());
  if (refusal) throw refusal;
}

/** What was sent, valid and with its defaults. Throws `malformed_body` and `validation_failed`. */
export function readParts({ message, method }: GrpcCall): Parts {
  if (!message.parts) {
    if (isAppError(message.error)) throw message.error;
    throw new AppError('malformed_body', 'The message could not be read.', { cause: message.error });
  }
  method.validate(message.parts);
  return message.parts;
}

/** The call in the form that operations take, the same for every protocol. */
export function toOperationCall(
  call: GrpcCall,
  { params, querystring: query, headers, body }: Parts,
  endings: Endings,
): Call {
  const { server } = call;
  const principal = principalOf(call);
  const connection = {
    // Asked when the signal is made, which may be long after the call began.
    get isClosed() {
      return server.cancelled;
    },
    // The library emits `cancelled` at every end of a call.
    onClose: (listener: () => void) => void server.once('cancelled', listener),
  };
  return {
    operationId: call.method.operation.schema.operationId,
    principal,
    params,
    query,
    headers,
    body,
    signal: () => requestSignal(principal, connection, endings),
    audited: (answer) => {
      call.isAudited = true;
      return { projectUid: principal.projectUid, note: auditNote(calledBy(call), { ...answer, code: null }) };
    },
    auditIn: (projectUid) => {
      call.auditedProject = projectUid;
    },
  };
}

/**
 * Writes the audit entry as REST does. There is none for reads, for callers who are not authenticated, for calls beyond
 * the rate limit, which have done nothing, and for changes that took their entry along.
 */
export async function leaveTrail(call: GrpcCall, ended: Answer | AppError, audit: Audit): Promise<void> {
  const { method, path } = call.method.operation;
  const error = ended instanceof AppError ? ended : null;
  if (method === 'GET' || !call.principal || error?.code === 'rate_limited') return;
  if (call.isAudited && !error) return;
  const status = ended instanceof AppError ? ended.kind.http : ended.status;
  const location = ended instanceof AppError ? undefined : ended.headers.location;
  const target = location ?? fill(path, call.message.parts?.params ?? {});
  const note = auditNote(calledBy(call), { target, status, code: error?.code ?? null });
  await audit.append(call.auditedProject ?? call.principal.projectUid, note);
}

function calledBy(call: GrpcCall) {
  const { requestId, address, method } = call;
  return { principal: principalOf(call), address, operation: method.operation.schema.operationId, requestId };
}

function principalOf({ principal }: GrpcCall): Principal {
  if (!principal) throw new Error('not admitted');
  return principal;
}

function headerOf({ metadata }: ServerCall, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}

function toNamed(name: unknown, pointer: string): readonly NamedProject[] {
  return typeof name === 'string' ? [{ name, pointer }] : [];
}

function fill(path: string, params: Readonly<Record<string, unknown>>): string {
  return path.replace(/:(\w+)/g, (_all, name: string) => String(params[name] ?? `:${name}`));
}
