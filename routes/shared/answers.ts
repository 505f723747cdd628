import Type, { type Static, type TSchema } from 'typebox';
import { type ErrorCode, errorTable } from '../../src/errors.ts';
import { ref } from '../../src/schemas/common.ts';
import { Problem } from '../../src/schemas/problem.ts';
import {
  authenticateHeader,
  etagHeader,
  rateLimitHeaders,
  requestIdHeader,
  retryAfterHeader,
} from './answer-headers.ts';
import { problemExample } from './problem-examples.ts';

/** Any request may fail with these. */
const always: readonly ErrorCode[] = [
  'internal',
  'store_unavailable',
  'shutting_down',
  'malformed_request',
  'request_timeout',
  'headers_too_large',
];
/** Any request that needs a key may also fail with these; `not_found` is for the project that the header names. */
const withKey: readonly ErrorCode[] = [
  'unauthenticated',
  'key_malformed',
  'key_checksum_mismatch',
  'key_expired',
  'key_revoked',
  'token_malformed',
  'token_issuer_unknown',
  'token_audience_mismatch',
  'token_expired',
  'token_not_yet_valid',
  'token_algorithm_not_allowed',
  'token_signature_invalid',
  'token_claims_missing',
  'token_not_mapped',
  'oidc_unavailable',
  'insufficient_scope',
  'rate_limited',
  'not_found',
  'validation_failed',
];
/** Any request but a GET may also fail with these, for a body is read even where none is asked for, and something is stored. */
export const bodyCodes = ['malformed_body', 'body_too_large', 'unsupported_media_type', 'disk_full'] as const;
/** A POST may also fail with these, for it may carry an Idempotency-Key. */
export const postCodes = [...bodyCodes, 'idempotency_in_flight', 'idempotency_mismatch'] as const;

type Answers = Record<number, TSchema>;
type Headers = Record<string, TSchema>;

interface Told {
  readonly description: string;
  readonly example: unknown;
  readonly headers?: Headers;
}

/** A JSON answer; `schema` is one that the application registered. */
export function answer<Schema extends TSchema>(schema: Schema, { description, example, headers = {} }: Told) {
  const content = { 'application/json': { schema: ref(schema), example } };
  return { description, headers, content } as unknown as Type.TUnsafe<Static<Schema>>;
}

/** The same of what can be changed: it has an ETag. */
export function versioned<Schema extends TSchema>(schema: Schema, told: Told) {
  return answer(schema, { ...told, headers: { ...etagHeader, ...told.headers } });
}

/** Every answer that a route gives: its own, and a problem for each code it may fail with. */
export function answers<Own extends Answers>(own: Own, ...codes: ErrorCode[]) {
  return withProblems(own, [...codes, ...withKey, ...always], { ...rateLimitHeaders, ...requestIdHeader });
}

/** The answers of a route that lists: a page, and the problems. */
export function pageAnswers<Schema extends TSchema>(schema: Schema, example: unknown, ...codes: ErrorCode[]) {
  return answers({ 200: answer(schema, { description: 'a page', example }) }, 'invalid_cursor', ...codes);
}

/** The same for a route that needs no key. */
export function publicAnswers<Own extends Answers>(own: Own) {
  return withProblems(own, always, requestIdHeader);
}

function withProblems<Own extends Answers>(own: Own, codes: readonly ErrorCode[], shared: Headers) {
  const problems: Answers = {};
  for (const status of new Set(codes.map((code) => errorTable[code].http))) {
    const meant = [...new Set(codes)].filter((code) => errorTable[code].http === status);
    problems[status] = problem(status, meant, shared);
  }
  const done = Object.entries(own).map(([status, schema]) => {
    const { headers = {} } = schema as { headers?: Headers };
    return [status, { ...schema, headers: { ...headers, ...shared } }];
  });
  return { ...problems, ...(Object.fromEntries(done) as Own) };
}

function problem(status: number, codes: readonly ErrorCode[], shared: Headers): TSchema {
  const description = codes.map((code) => `${errorTable[code].title} (\`${code}\`)`).join('; ');
  const examples = Object.fromEntries(codes.map((code) => [code, problemExample(code)]));
  const content = { 'application/problem+json': { schema: ref(Problem), examples } };
  return { description, headers: problemHeaders(status, codes, shared), content } as TSchema;
}

function problemHeaders(status: number, codes: readonly ErrorCode[], shared: Headers): Headers {
  // Malformed headers are answered before there is a request id, and a caller who is not authenticated has no rate limit.
  if (status === 431) return {};
  if (status === 401) return { ...authenticateHeader, ...requestIdHeader };
  return codes.some((code) => errorTable[code].retryable) ? { ...retryAfterHeader, ...shared } : shared;
}

/** 204 without a body. */
export const noContent = Type.Null({ description: 'done' });
