import { Metadata, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import protobuf, { type Field, type Type } from 'protobufjs';
import { AppError, untold } from '../errors.ts';
import { asStoreError } from '../redis/connection.ts';
import type { GoogleRpc } from './google-rpc.ts';
import { type Codec, jsonName } from './messages.ts';
import { messageName } from './requests.ts';

const domain = 'sandplane';
/** Errors travel in trailers, of which clients take 8 KiB, some no more. */
const longestText = 500;
const mostFaults = 5;
const longestField = 200;
const largestState = 3000;

/** The call that failed, by which the names of its fields are found. */
interface FailedCall {
  readonly operationId: string;
  readonly request: Type;
  readonly requestId: string;
}

/** How a call ends that failed. */
export interface Failure {
  readonly code: status;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** Any error as one of ours. */
export function toAppError(error: unknown): AppError {
  const stored = asStoreError(error);
  return stored instanceof AppError ? stored : new AppError('internal', 'Something went wrong.', { cause: error });
}

/** The end of a call whose regular error answer could not be made. */
export function bareFailure(requestId: string, error: unknown, logger: Logger): Failure {
  logger.error({ reqId: requestId, err: error }, 'the answer could not be made');
  return { code: status.INTERNAL, details: untold };
}

export type ToFailure = (error: AppError, call: FailedCall) => Failure;

/**
 * Makes the end of a failed call, with the rich error model (https://grpc.io/docs/guides/error/). `expired` is the detail
 * of `watch_expired`.
 */
export function createFailures(googleRpc: GoogleRpc, expired: Codec): ToFailure {
  const encode = (name: string, value: object) => Buffer.from(googleRpc(name).encode(value).finish());
  const toDetail = ({ name, value }: Detail) => ({
    type_url: `type.googleapis.com/google.rpc.${name}`,
    value: encode(name, value),
  });
  return (error, call) => {
    const message = error.code === 'internal' ? untold : short(error.message);
    const code = status[error.kind.grpc as keyof typeof status];
    const details = [...googleDetails(error, message, call).map(toDetail), ...ownDetails(error, expired)];
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', encode('Status', { code, message, details }));
    return { code, details: message, metadata };
  };
}

/** A message of google.rpc. */
interface Detail {
  readonly name: string;
  readonly value: object;
}

function googleDetails(
  { code, faults, limit, retryAfterSeconds }: AppError,
  message: string,
  call: FailedCall,
): readonly Detail[] {
  const told = { request_id: call.requestId, ...(limit ? { limit: limit.name, value: String(limit.value) } : {}) };
  const made: Detail[] = [{ name: 'ErrorInfo', value: { reason: code.toUpperCase(), domain, metadata: told } }];
  if (faults.length > 0) {
    const fieldViolations = faults.slice(0, mostFaults).map(({ pointer, detail }) => ({
      field: short(fieldOf(pointer, call), longestField),
      description: short(detail),
    }));
    made.push({ name: 'BadRequest', value: { fieldViolations } });
  }
  if (limit) {
    made.push({ name: 'QuotaFailure', value: { violations: [{ subject: limit.name, description: message }] } });
  }
  if (retryAfterSeconds !== undefined) {
    made.push({ name: 'RetryInfo', value: { retryDelay: { seconds: retryAfterSeconds } } });
  }
  return made;
}

/** For a watch that came too late: the present state, and where to go on from. */
function ownDetails({ extension: { fresh } }: AppError, expired: Codec) {
  if (fresh === undefined) return [];
  const all = fresh as { readonly items: readonly unknown[]; readonly complete: boolean };
  let [items, value] = [all.items, expired.encode({ ...all })];
  while (value.length > largestState) {
    items = items.slice(0, Math.floor(items.length / 2));
    value = expired.encode({ ...all, items, complete: false });
  }
  return [{ type_url: 'type.googleapis.com/sandplane.v1.WatchExpired', value }];
}

/** Cut to a length that fits into trailers, and well-formed Unicode, without which no trailer can be made. */
function short(text: string, most = longestText): string {
  return (text.length > most ? `${text.slice(0, most)}…` : text).toWellFormed();
}

/** `/spec/ttlSeconds` or `#query/label/0` as a path in the message: `spec.ttl_seconds`, `label_selectors.0`. */
function fieldOf(pointer: string, { operationId, request }: FailedCall): string {
  const [first = '', ...rest] = pointer
    .replace(/^#[a-z]+/, '')
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  const path: string[] = [];
  let type: Type | null = request;
  for (const token of [messageName(operationId, first), ...rest]) {
    const field: Field | undefined = type?.fieldsArray.find((one) => jsonName(one) === token);
    path.push(field ? snakeCase(field.name) : token);
    type = field && !field.map && field.resolvedType instanceof protobuf.Type ? field.resolvedType : null;
  }
  return path.join('.');
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
