import { Metadata, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { AppError, isAppError } from '../errors.ts';
import type { Answer, Call, Operation, OperationSchema } from '../operation.ts';
import { type Endings, type Reader, readerGone } from '../reader-gone.ts';
import { requestIdFrom } from '../request-id.ts';
import type { Admit } from '../tenancy/admission.ts';
import { type Audit, auditNote } from '../tenancy/audit.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { Parts } from './requests.ts';
import type { Validate } from './validation.ts';

/** A call as the library gives it, with the bytes of its request. */
export type RawCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

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
}

const longestTimerMs = 2 ** 31 - 1;

/** One call: who asks and what, known step by step. */
export type GrpcCall = ReturnType<typeof beginCall>;

/** Nothing is checked yet: first `admit`, then `receive`. */
export function beginCall(raw: RawCall, { operation, read, validate }: Method, dependencies: CallDependencies) {
  const { schema, scope, path, method, prefetch } = operation;
  const requestId = requestIdFrom(first(raw, 'x-request-id'));
  // Now: of a call that has ended it is not known any more.
  const address = raw.getPeer().replace(/:\d+$/, '');
  // Before it is known who asks, only where a part of it belongs to the question.
  const isReadEarly = prefetch !== undefined || takesProject(schema);
  const decoded: Decoded = isReadEarly ? tryRead(raw.request, read) : {};
  let principal: Principal | undefined;
  let auditedProject: string | undefined;
  let isAudited = false;
  let reading: Promise<unknown> | undefined;

  /** Proves who asks and that he may. */
  async function admit(): Promise<void> {
    if (dependencies.closing.aborted) throw dependencies.closing.reason;
    const params = decoded.parts?.params;
    reading = params && prefetch?.(params);
    reading?.catch(() => undefined);
    const named = [
      ...toNamed(params?.project, '#path/project'),
      ...raw.metadata.get('sandplane-project').flatMap((name) => toNamed(name, '#header/sandplane-project')),
    ];
    const admission = await dependencies.admit(first(raw, 'authorization'), named, scope);
    principal = admission.principal;
    if (admission.refusal) throw admission.refusal;
  }

  /** To be called right before the answer: sent apart from it, it would be another write. */
  function sendMetadata(): void {
    const metadata = new Metadata();
    metadata.set('x-request-id', requestId);
    raw.sendMetadata(metadata);
  }

  /** What was sent, valid and with its defaults. Throws `malformed_body` and `validation_failed`. */
  function receive(): Parts {
    if (!isReadEarly) Object.assign(decoded, tryRead(raw.request, read));
    const { parts, error } = decoded;
    if (isAppError(error)) throw error;
    if (!parts) throw new AppError('malformed_body', 'The message could not be read.', { cause: error });
    validate(parts);
    return parts;
  }

  function proven(): Principal {
    if (!principal) throw new Error('not admitted');
    return principal;
  }

  const called = () => ({ principal: proven(), address, operation: schema.operationId, requestId });

  /** As the operation has it, whatever the protocol. */
  function toCall({ params, querystring: query, headers, body }: Parts): Call {
    return {
      operationId: schema.operationId,
      proven: proven(),
      params,
      query,
      headers,
      body,
      prefetched: reading,
      gone,
      audited(answer) {
        isAudited = true;
        return { projectUid: proven().projectUid, note: auditNote(called(), { ...answer, code: null }) };
      },
      auditIn(projectUid) {
        auditedProject = projectUid;
      },
    };
  }

  function gone(): AbortSignal {
    return readerGone(proven(), readerOf(raw), dependencies);
  }

  /**
   * As REST keeps its trail: of who is not known there is none, and one too many has done nothing. Undefined when there is
   * nothing to write.
   */
  function leaveTrail(ended: Answer | AppError): Promise<void> | undefined {
    const error = ended instanceof AppError ? ended : null;
    if (method === 'GET' || !principal || error?.code === 'rate_limited') return undefined;
    if (isAudited && !error) return undefined;
    const status = ended instanceof AppError ? ended.kind.http : ended.status;
    const location = ended instanceof AppError ? undefined : ended.headers.location;
    const target = location ?? fill(path, decoded.parts?.params ?? {});
    const note = auditNote(called(), { target, status, code: error?.code ?? null });
    return dependencies.audit.append(auditedProject ?? principal.projectUid, note);
  }

  return {
    operationId: schema.operationId,
    requestId,
    address,
    subject: () => principal?.subject,
    admit,
    receive,
    toCall,
    sendMetadata,
    leaveTrail,
  };
}

interface Decoded {
  parts?: Parts;
  error?: unknown;
}

function takesProject({ params }: OperationSchema): boolean {
  return 'project' in ((params as { properties?: object } | undefined)?.properties ?? {});
}

function tryRead(bytes: Buffer, read: (bytes: Buffer) => Parts): Decoded {
  try {
    return { parts: read(bytes) };
  } catch (error) {
    return { error };
  }
}

/**
 * The library tells of an end when all that was sent has been read. One that does not read on, and has come to its
 * deadline, is gone as well.
 */
function readerOf(raw: RawCall): Reader {
  return {
    isGone: raw.cancelled,
    onGone(listener) {
      const deadline = Number(raw.getDeadline());
      const left = Math.min(deadline - Date.now(), longestTimerMs);
      const timer = Number.isFinite(deadline) ? setTimeout(listener, left).unref() : undefined;
      raw.once('cancelled', () => {
        clearTimeout(timer);
        listener();
      });
    },
  };
}

function toNamed(name: unknown, pointer: string) {
  return typeof name === 'string' ? [{ name, pointer }] : [];
}

function first({ metadata }: RawCall, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}

function fill(path: string, params: Readonly<Record<string, unknown>>): string {
  return path.replace(/:(\w+)/g, (_all, name: string) => String(params[name] ?? `:${name}`));
}
