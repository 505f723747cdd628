/** What a code means on each surface. `retryable`: the same request may succeed later without a change. */
interface ErrorKind {
  readonly http: number;
  readonly grpc: string;
  readonly retryable: boolean;
  readonly title: string;
}

/** Every failure a user can cause or see. The codes are stable: clients branch on them. */
export const errorTable = {
  validation_failed: { http: 422, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'The request has invalid fields' },
  malformed_body: { http: 400, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'The body could not be read' },
  unsupported_version: { http: 422, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'That version is not offered' },
  argument_not_allowed: {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retryable: false,
    title: 'That argument is not allowed',
  },
  unsupported_media_type: { http: 415, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'Unsupported media type' },
  not_acceptable: { http: 406, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'No such representation' },
  body_too_large: { http: 413, grpc: 'RESOURCE_EXHAUSTED', retryable: false, title: 'The body is too large' },
  unauthenticated: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'A valid key is needed' },
  key_malformed: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'That is not a key' },
  key_checksum_mismatch: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'The key was mistyped' },
  key_expired: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'The key has expired' },
  key_revoked: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'The key has been revoked' },
  token_malformed: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'That is not a JWT' },
  token_issuer_unknown: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'That issuer is not trusted' },
  token_audience_mismatch: {
    http: 401,
    grpc: 'UNAUTHENTICATED',
    retryable: false,
    title: 'The token is for another audience',
  },
  token_expired: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'The token has expired' },
  token_not_yet_valid: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'The token is not valid yet' },
  token_algorithm_not_allowed: {
    http: 401,
    grpc: 'UNAUTHENTICATED',
    retryable: false,
    title: 'The token is signed by an algorithm that is not allowed',
  },
  token_signature_invalid: {
    http: 401,
    grpc: 'UNAUTHENTICATED',
    retryable: false,
    title: "The token's signature is wrong",
  },
  token_claims_missing: { http: 401, grpc: 'UNAUTHENTICATED', retryable: false, title: 'The token lacks a claim' },
  token_not_mapped: {
    http: 403,
    grpc: 'PERMISSION_DENIED',
    retryable: false,
    title: 'No rule gives this token a project',
  },
  oidc_unavailable: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'The issuer does not answer' },
  insufficient_scope: { http: 403, grpc: 'PERMISSION_DENIED', retryable: false, title: 'The key may not do that' },
  not_found: { http: 404, grpc: 'NOT_FOUND', retryable: false, title: 'Not found' },
  conflict: { http: 409, grpc: 'ABORTED', retryable: true, title: 'The resource is being changed by another request' },
  idempotency_in_flight: { http: 409, grpc: 'ABORTED', retryable: true, title: 'A request with this key is in flight' },
  idempotency_mismatch: {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retryable: false,
    title: 'This key was used with another body',
  },
  precondition_failed: { http: 412, grpc: 'FAILED_PRECONDITION', retryable: false, title: 'The resource has changed' },
  kubeconfig_unavailable: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retryable: true,
    title: 'There is no kubeconfig yet',
  },
  logs_unavailable: { http: 409, grpc: 'FAILED_PRECONDITION', retryable: true, title: 'There are no logs yet' },
  phase_unreachable: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    title: 'The phase can no longer be reached',
  },
  wait_timeout: { http: 408, grpc: 'DEADLINE_EXCEEDED', retryable: true, title: 'The phase was not reached in time' },
  project_exists: { http: 409, grpc: 'ALREADY_EXISTS', retryable: false, title: 'There is a project of this name' },
  project_not_empty: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    title: 'The project has sandboxes',
  },
  project_protected: {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    title: 'This project cannot be deleted',
  },
  sandbox_deleting: { http: 409, grpc: 'FAILED_PRECONDITION', retryable: false, title: 'The sandbox is being deleted' },
  method_not_allowed: { http: 405, grpc: 'UNIMPLEMENTED', retryable: false, title: 'The path has no such method' },
  project_deleting: { http: 409, grpc: 'FAILED_PRECONDITION', retryable: false, title: 'The project is being deleted' },
  quota_exceeded: {
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    retryable: true,
    title: 'A limit of the project is reached',
  },
  rate_limited: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retryable: true, title: 'Too many requests' },
  too_many_watchers: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retryable: true, title: 'Too many open watches' },
  watch_expired: { http: 410, grpc: 'OUT_OF_RANGE', retryable: false, title: 'That is too long ago to resume from' },
  invalid_cursor: { http: 422, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'That is not a cursor' },
  invalid_selector: { http: 422, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'That is not a label selector' },
  webhook_address_forbidden: {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retryable: false,
    title: 'Webhooks may not go to this address',
  },
  webhook_unresolvable: { http: 422, grpc: 'INVALID_ARGUMENT', retryable: true, title: 'The name does not resolve' },
  webhook_disabled: { http: 409, grpc: 'FAILED_PRECONDITION', retryable: false, title: 'The receiver is disabled' },
  delivery_pending: { http: 409, grpc: 'FAILED_PRECONDITION', retryable: true, title: 'The delivery is being tried' },
  webhook_delivery_failed: { http: 502, grpc: 'UNAVAILABLE', retryable: true, title: 'The receiver did not take it' },
  headers_too_large: { http: 431, grpc: 'RESOURCE_EXHAUSTED', retryable: false, title: 'The headers are too large' },
  request_timeout: { http: 408, grpc: 'DEADLINE_EXCEEDED', retryable: true, title: 'The request came too slowly' },
  malformed_request: { http: 400, grpc: 'INVALID_ARGUMENT', retryable: false, title: 'That is not HTTP' },
  no_worker: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'No worker serves this runtime now' },
  store_unavailable: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'The store does not answer' },
  shutting_down: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'The service is stopping' },
  ports_exhausted: { http: 503, grpc: 'RESOURCE_EXHAUSTED', retryable: true, title: 'No free port is left' },
  internal: { http: 500, grpc: 'INTERNAL', retryable: false, title: 'Something went wrong in the service' },
  // Seen in a sandbox's status.failure, not as HTTP answers.
  component_unavailable: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'A component could not be had' },
  component_exited: { http: 500, grpc: 'INTERNAL', retryable: false, title: 'A component exited' },
  component_timeout: { http: 504, grpc: 'DEADLINE_EXCEEDED', retryable: true, title: 'A component was too slow' },
  etcd_unreachable: { http: 500, grpc: 'INTERNAL', retryable: true, title: 'etcd cannot be reached' },
  port_taken: { http: 500, grpc: 'INTERNAL', retryable: true, title: 'The port is taken by another program' },
  runtime_unavailable: { http: 503, grpc: 'UNAVAILABLE', retryable: true, title: 'The runtime does not answer' },
  config_invalid: { http: 500, grpc: 'FAILED_PRECONDITION', retryable: false, title: 'The settings are invalid' },
  missing_tool: { http: 500, grpc: 'FAILED_PRECONDITION', retryable: false, title: 'A tool is missing' },
} as const satisfies Record<string, ErrorKind>;

/** What is said of `internal`: what went wrong inside is for the log, where the request id finds it. */
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
