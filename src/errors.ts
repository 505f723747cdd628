/** What a code means on each surface. `retryable`: the same request may succeed later without a change. */
interface ErrorKind {
  readonly http: number;
  readonly grpc: string;
  readonly retryable: boolean;
  readonly title: string;
}

const kind =
  (http: number, grpc: string, retryable = false) =>
  (title: string): ErrorKind => ({ http, grpc, retryable, title });

const invalid = kind(422, 'INVALID_ARGUMENT');
const unauthenticated = kind(401, 'UNAUTHENTICATED');
const forbidden = kind(403, 'PERMISSION_DENIED');
const tooMany = kind(429, 'RESOURCE_EXHAUSTED', true);
const unavailable = kind(503, 'UNAVAILABLE', true);
/** The state of the resource does not allow it: for good, or only now. */
const refused = kind(409, 'FAILED_PRECONDITION');
const notYet = kind(409, 'FAILED_PRECONDITION', true);

/** Every failure a user can cause or see. The codes are stable: clients branch on them. */
export const errorTable = {
  validation_failed: invalid('The request has invalid fields'),
  malformed_body: kind(400, 'INVALID_ARGUMENT')('The body could not be read'),
  unsupported_version: invalid('That version is not offered'),
  argument_not_allowed: invalid('That argument is not allowed'),
  arguments_conflict: invalid('With that a component would not start'),
  unsupported_media_type: kind(415, 'INVALID_ARGUMENT')('Unsupported media type'),
  not_acceptable: kind(406, 'INVALID_ARGUMENT')('No such representation'),
  body_too_large: kind(413, 'RESOURCE_EXHAUSTED')('The body is too large'),
  unauthenticated: unauthenticated('A valid key is needed'),
  key_malformed: unauthenticated('That is not a key'),
  key_checksum_mismatch: unauthenticated('The key was mistyped'),
  key_expired: unauthenticated('The key has expired'),
  key_revoked: unauthenticated('The key has been revoked'),
  token_malformed: unauthenticated('That is not a JWT'),
  token_issuer_unknown: unauthenticated('That issuer is not trusted'),
  token_audience_mismatch: unauthenticated('The token is for another audience'),
  token_expired: unauthenticated('The token has expired'),
  token_not_yet_valid: unauthenticated('The token is not valid yet'),
  token_algorithm_not_allowed: unauthenticated('The token is signed by an algorithm that is not allowed'),
  token_signature_invalid: unauthenticated("The token's signature is wrong"),
  token_claims_missing: unauthenticated('The token lacks a claim'),
  token_not_mapped: forbidden('No rule gives this token a project'),
  oidc_unavailable: unavailable('The issuer does not answer'),
  insufficient_scope: forbidden('The key may not do that'),
  not_found: kind(404, 'NOT_FOUND')('Not found'),
  conflict: kind(409, 'ABORTED', true)('The resource is being changed by another request'),
  idempotency_in_flight: kind(409, 'ABORTED', true)('A request with this key is in flight'),
  idempotency_mismatch: invalid('This key was used with another body'),
  precondition_failed: kind(412, 'FAILED_PRECONDITION')('The resource has changed'),
  kubeconfig_unavailable: notYet('There is no kubeconfig yet'),
  logs_unavailable: notYet('There are no logs yet'),
  phase_unreachable: refused('The phase can no longer be reached'),
  wait_timeout: kind(408, 'DEADLINE_EXCEEDED', true)('The phase was not reached in time'),
  project_exists: kind(409, 'ALREADY_EXISTS')('There is a project of this name'),
  project_not_empty: refused('The project has sandboxes'),
  project_protected: refused('This project cannot be deleted'),
  sandbox_deleting: refused('The sandbox is being deleted'),
  method_not_allowed: kind(405, 'UNIMPLEMENTED')('The path has no such method'),
  project_deleting: refused('The project is being deleted'),
  quota_exceeded: tooMany('A limit of the project is reached'),
  rate_limited: tooMany('Too many requests'),
  too_many_watchers: tooMany('Too many open watches'),
  watch_expired: kind(410, 'OUT_OF_RANGE')('That is too long ago to resume from'),
  invalid_cursor: invalid('That is not a cursor'),
  invalid_selector: invalid('That is not a label selector'),
  webhook_address_forbidden: invalid('Webhooks may not go to this address'),
  webhook_unresolvable: kind(422, 'INVALID_ARGUMENT', true)('The name does not resolve'),
  webhook_disabled: refused('The receiver is disabled'),
  delivery_pending: notYet('The delivery is being tried'),
  webhook_delivery_failed: kind(502, 'UNAVAILABLE', true)('The receiver did not take it'),
  headers_too_large: kind(431, 'RESOURCE_EXHAUSTED')('The headers are too large'),
  request_timeout: kind(408, 'DEADLINE_EXCEEDED', true)('The request came too slowly'),
  malformed_request: kind(400, 'INVALID_ARGUMENT')('That is not HTTP'),
  no_worker: unavailable('No worker serves this runtime now'),
  disk_full: kind(503, 'RESOURCE_EXHAUSTED', true)('A disk is nearly full'),
  store_unavailable: unavailable('The store does not answer'),
  shutting_down: unavailable('The service is stopping'),
  ports_exhausted: kind(503, 'RESOURCE_EXHAUSTED', true)('No free port is left'),
  internal: kind(500, 'INTERNAL')('Something went wrong in the service'),
  // Seen in a sandbox's status.failure, not as HTTP answers.
  component_unavailable: unavailable('A component could not be had'),
  component_exited: kind(500, 'INTERNAL')('A component exited'),
  component_out_of_memory: kind(500, 'RESOURCE_EXHAUSTED')('A component needed more memory than it may have'),
  component_timeout: kind(504, 'DEADLINE_EXCEEDED', true)('A component was too slow'),
  etcd_unreachable: kind(500, 'INTERNAL', true)('etcd cannot be reached'),
  port_taken: kind(500, 'INTERNAL', true)('The port is taken by another program'),
  data_lost: kind(500, 'DATA_LOSS')('The data of the sandbox is gone'),
  runtime_unavailable: unavailable('The runtime does not answer'),
  runtime_refused: kind(500, 'FAILED_PRECONDITION')('The runtime refused'),
  config_invalid: kind(500, 'FAILED_PRECONDITION')('The settings are invalid'),
  missing_tool: kind(500, 'FAILED_PRECONDITION')('A tool is missing'),
} satisfies Record<string, ErrorKind>;

/** The detail of `internal`: the cause is only in the log, where the request id finds it. */
export const untold = 'The log tells more under this request id.';

export type ErrorCode = keyof typeof errorTable;

/** One fault of the input: `pointer` is an RFC 6901 JSON pointer into the body, or `#query/name`, `#header/name`. */
export interface FieldFault {
  readonly pointer: string;
  readonly detail: string;
}

/** A limit that was reached: `used` and `value` in the unit that the name says. */
export interface ReachedLimit {
  readonly name: string;
  readonly value: number;
  readonly used?: number;
}

interface AppErrorOptions {
  readonly cause?: unknown;
  readonly limit?: ReachedLimit;
  /** More members of the problem document (RFC 9457, 3.2). */
  readonly extension?: Readonly<Record<string, unknown>>;
  readonly faults?: readonly FieldFault[];
  readonly component?: string;
  readonly logTail?: readonly string[];
  readonly retryAfterSeconds?: number;
}

/** The one error the code throws on purpose. `message` is written for the user. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly FieldFault[];
  readonly component: string | undefined;
  readonly logTail: readonly string[];
  readonly retryAfterSeconds: number | undefined;
  readonly limit: ReachedLimit | undefined;
  readonly extension: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.faults = options.faults ?? [];
    this.component = options.component;
    this.logTail = options.logTail ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.limit = options.limit;
    this.extension = options.extension ?? {};
  }

  get kind(): ErrorKind {
    return errorTable[this.code];
  }
}

export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}

/** A bad field, told so that the reader knows which one, what the limit is and what to do. */
export function invalidField(pointer: string, detail: string, code: ErrorCode = 'validation_failed'): AppError {
  return new AppError(code, detail, { faults: [{ pointer, detail }] });
}

/** For what comes, or is under way, when the service stops. */
export function serviceStopping(): AppError {
  return new AppError('shutting_down', 'The service is stopping. Try again.', { retryAfterSeconds: 2 });
}
