import type { OutgoingHttpHeaders } from 'node:http2';

/** https://github.com/grpc/grpc/blob/master/doc/statuscodes.md */
export const statusCodes = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusName = keyof typeof statusCodes;

/** How a call ends. */
export interface Status {
  readonly code: StatusName;
  readonly message: string;
  /** A google.rpc.Status as bytes, where there is more to tell. */
  readonly details?: Buffer;
}

/** Ends the call with a status: of what is wrong with the call itself, whatever its method. */
export class StatusError extends Error {
  readonly code: StatusName;

  constructor(code: StatusName, message: string) {
    super(message);
    this.code = code;
  }
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses */
export function toTrailers({ code, message, details }: Status): OutgoingHttpHeaders {
  return {
    'grpc-status': String(statusCodes[code]),
    'grpc-message': percentEncoded(message),
    ...(details ? { 'grpc-status-details-bin': unpadded(details) } : {}),
  };
}

/** Printable ASCII but `%` stays. */
function percentEncoded(text: string): string {
  return text.toWellFormed().replace(/[^ -$&-~]/gu, encodeURIComponent);
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
