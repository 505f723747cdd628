import Type, { type TSchema } from 'typebox';
import { type ErrorCode, errorTable } from '../src/errors.ts';
import { ref } from '../src/schemas/common.ts';
import { Problem } from '../src/schemas/problem.ts';

/** Any request may fail with these. */
const always: readonly ErrorCode[] = ['internal', 'store_unavailable', 'shutting_down'];
/** And any that needs a key with these; `not_found` is for the project that the header names. */
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
/** And any with a body with these. */
export const bodyCodes = ['malformed_body', 'body_too_large', 'unsupported_media_type'] as const;
/** And any POST, for it may carry an Idempotency-Key. */
export const postCodes = [...bodyCodes, 'idempotency_in_flight', 'idempotency_mismatch'] as const;

/** Every answer that a route gives: its own, and a problem for each code it may fail with. */
export function answers<Own extends Record<number, TSchema>>(own: Own, ...codes: ErrorCode[]) {
  return withProblems(own, [...codes, ...withKey, ...always]);
}

/** The same for a route that needs no key. */
export function publicAnswers<Own extends Record<number, TSchema>>(own: Own) {
  return withProblems(own, always);
}

function withProblems<Own extends Record<number, TSchema>>(own: Own, codes: readonly ErrorCode[]) {
  const problems: Record<number, TSchema> = {};
  for (const status of new Set(codes.map((code) => errorTable[code].http))) {
    const meant = [...new Set(codes)].filter((code) => errorTable[code].http === status);
    problems[status] = problem(meant.map((code) => `${errorTable[code].title} (\`${code}\`)`).join('; '));
  }
  return { ...problems, ...own };
}

function problem(description: string): TSchema {
  return { description, content: { 'application/problem+json': { schema: ref(Problem) } } } as TSchema;
}

/** 204 without a body. */
export const noContent = Type.Null({ description: 'done' });
