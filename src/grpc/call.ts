import { AppError, isAppError } from '../errors.ts';
import type { Answer, Call, Operation } from '../operations/operation.ts';
import { type Endings, requestSignal } from '../operations/request-signal.ts';
import type { Admit } from '../tenancy/admission.ts';
import { type Audit, auditNote } from '../tenancy/audit.ts';
import type { NamedProject } from '../tenancy/authenticate.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { Parts } from './requests.ts';
import type { Exchange } from './transport/exchange.ts';
import type { Validate } from './validation.ts';

/** An operation as it is called over gRPC. */
export interface Method {
  readonly operation: Operation;
  /** Throws when the bytes are not the message. */
  readonly read: (bytes: Buffer) => Parts;
  readonly validate: Validate;
  /** Before it is known who asks, for a part of the request belongs to the question. */
  readonly isReadEarly: boolean;
}

export interface CallDependencies extends Endings {
  readonly admit: Admit;
  readonly audit: Audit;
}

/** One call: who asks and what, known step by step. Nothing is checked yet: first `admit`, then `receive`. */
export class GrpcCall {
  readonly exchange: Exchange;
  readonly #request: Buffer;
  readonly #method: Method;
  readonly #dependencies: CallDependencies;
  #decoded: Decoded = {};
  #principal: Principal | undefined;
  #auditedProject: string | undefined;
  #isAudited = false;

  constructor(exchange: Exchange, request: Buffer, method: Method, dependencies: CallDependencies) {
    this.exchange = exchange;
    this.#request = request;
    this.#method = method;
    this.#dependencies = dependencies;
  }

  /** Who asks, once that is known. */
  get subject(): string | undefined {
    return this.#principal?.subject;
  }

  /** Authenticates the caller and checks its scope. */
  async admit(): Promise<void> {
    const { admit, closing } = this.#dependencies;
    const { scope } = this.#method.operation;
    if (closing.aborted) throw closing.reason;
    if (this.#method.isReadEarly) this.#decode();
    const params = this.#decoded.parts?.params;
    const { authorization, 'sandplane-project': header } = this.exchange.headers;
    const named = [...toNamed(params?.project, '#path/project'), ...toNamed(header, '#header/sandplane-project')];
    const { principal, refusal } = await admit(authorization, named, scope);
    this.#principal = principal;
    if (refusal) throw refusal;
  }

  /** What was sent, valid and with its defaults. Throws `malformed_body` and `validation_failed`. */
  receive(): Parts {
    const { parts, error } = this.#decode();
    if (isAppError(error)) throw error;
    if (!parts) throw new AppError('malformed_body', 'The message could not be read.', { cause: error });
    this.#method.validate(parts);
    return parts;
  }

  /** As the operation has it, whatever the protocol. */
  toCall({ params, querystring: query, headers, body }: Parts): Call {
    const principal = this.#known();
    return {
      operationId: this.#method.operation.schema.operationId,
      principal,
      params,
      query,
      headers,
      body,
      signal: () => {
        const { exchange } = this;
        const connection = { isClosed: exchange.isGone, onClose: (listen: () => void) => exchange.onGone(listen) };
        return requestSignal(principal, connection, this.#dependencies);
      },
      audited: (answer) => {
        this.#isAudited = true;
        return { projectUid: principal.projectUid, note: auditNote(this.#called(), { ...answer, code: null }) };
      },
      auditIn: (projectUid) => {
        this.#auditedProject = projectUid;
      },
    };
  }

  /**
   * As REST keeps its trail: of who is not known there is none, and one too many has done nothing. Undefined when there is
   * nothing to write.
   */
  leaveTrail(ended: Answer | AppError): Promise<void> | undefined {
    const { method, path } = this.#method.operation;
    const error = ended instanceof AppError ? ended : null;
    if (method === 'GET' || !this.#principal || error?.code === 'rate_limited') return undefined;
    if (this.#isAudited && !error) return undefined;
    const status = ended instanceof AppError ? ended.kind.http : ended.status;
    const location = ended instanceof AppError ? undefined : ended.headers.location;
    const target = location ?? fill(path, this.#decoded.parts?.params ?? {});
    const note = auditNote(this.#called(), { target, status, code: error?.code ?? null });
    return this.#dependencies.audit.append(this.#auditedProject ?? this.#principal.projectUid, note);
  }

  #called() {
    const { requestId, address } = this.exchange;
    return { principal: this.#known(), address, operation: this.#method.operation.schema.operationId, requestId };
  }

  #known(): Principal {
    if (!this.#principal) throw new Error('not admitted');
    return this.#principal;
  }

  #decode(): Decoded {
    const known = this.#decoded;
    if (known.parts || known.error) return known;
    try {
      this.#decoded = { parts: this.#method.read(this.#request) };
    } catch (error) {
      this.#decoded = { error };
    }
    return this.#decoded;
  }
}

interface Decoded {
  readonly parts?: Parts;
  readonly error?: unknown;
}

function toNamed(name: unknown, pointer: string): readonly NamedProject[] {
  return typeof name === 'string' ? [{ name, pointer }] : [];
}

function fill(path: string, params: Readonly<Record<string, unknown>>): string {
  return path.replace(/:(\w+)/g, (_all, name: string) => String(params[name] ?? `:${name}`));
}
