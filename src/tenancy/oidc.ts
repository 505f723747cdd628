import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { Value } from 'typebox/value';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Scope } from '../schemas/key.ts';
import { projectName } from '../schemas/project.ts';
import {
  findRule,
  isTrustworthyUrl,
  type OidcIssuer,
  type OidcRule,
  type OidcSettings,
  projectNameRule,
} from './oidc-settings.ts';

const defaultAlgorithms = ['RS256', 'ES256', 'PS256', 'EdDSA'];
const malformed = 'The token is not a signed JWT (RFC 7519): send header.payload.signature, as the issuer gave it.';
const unknownIssuer = 'The issuer of the token is not configured here; send a key, or a token of an issuer that is.';
const maxTokenBytes = 16 * 1024;
const clockToleranceSeconds = 5;
const timeoutMs = 5000;
const discoveryMs = 3_600_000;
const retryAfterSeconds = 5;
/**
 * An issuer that failed is not asked again for this long. Shorter than `retryAfterSeconds`, so that it is asked again
 * for a client that waits as it was told.
 */
const failureMs = 3000;
/**
 * How long an issuer is not asked again for its keys after a token with an unknown key id, however many such tokens
 * come.
 */
const cooldownMs = 10_000;

/** A token that is genuine and that a rule gave a project. */
interface VerifiedToken {
  readonly subject: string;
  readonly issuer: string;
  readonly project: string;
  readonly scopes: Scope[];
  readonly expiresAt: Date;
}

export interface Oidc {
  /**
   * Verifies a JWT (RFC 7519) of a configured issuer, by keys found with OpenID Connect Discovery 1.0, and maps its claims
   * to a project and scopes. Throws `token_malformed`, `token_issuer_unknown` (before any request leaves), `token_expired`,
   * `token_not_yet_valid`, `token_audience_mismatch`, `token_algorithm_not_allowed`, `token_signature_invalid`,
   * `token_claims_missing`, `token_not_mapped`, and `oidc_unavailable` when the issuer does not tell its keys.
   */
  verify(jwt: string): Promise<VerifiedToken>;
}

/** `fetch` may be replaced for tests. Nothing is asked of an issuer before its first token comes. */
export function createOidc({ issuers }: OidcSettings, options: { fetch?: typeof fetch } = {}): Oidc {
  const request = options.fetch ?? fetch;
  const known = new Map(
    issuers.map((settings) => [settings.issuer, { settings, keys: createKeySource(settings.issuer, request) }]),
  );

  return {
    async verify(jwt) {
      const found = known.get(readIssuer(jwt));
      if (!found) throw refusal('token_issuer_unknown', unknownIssuer);
      const { settings, keys } = found;
      const claims = await verifyClaims(jwt, settings, keys);
      const { project, scopes } = mapClaims(claims, settings.rules);
      // 8.64e15 is the last instant a Date can hold; beyond it there would be none.
      const expiresAt = new Date(Math.min(claims.exp * 1000, 8.64e15));
      return { subject: claims.sub, issuer: settings.issuer, project, scopes, expiresAt };
    },
  };
}

/** The claim `iss` of a token that is not verified yet: it only tells which issuer's keys to verify it with. */
function readIssuer(jwt: string): string {
  if (jwt.length > maxTokenBytes) {
    throw refusal('token_malformed', `The token is longer than ${maxTokenBytes} bytes; ask for one with fewer claims.`);
  }
  let claims: JWTPayload;
  try {
    claims = decodeJwt(jwt);
  } catch (cause) {
    throw refusal('token_malformed', malformed, cause);
  }
  if (typeof claims.iss === 'string') return claims.iss;
  throw refusal('token_claims_missing', 'The token lacks the claim iss; every token has to name its issuer.');
}

type VerifiedClaims = JWTPayload & { sub: string; exp: number };

async function verifyClaims(jwt: string, settings: OidcIssuer, keys: JWTVerifyGetKey): Promise<VerifiedClaims> {
  const { issuer, audience, algorithms = defaultAlgorithms } = settings;
  const rules = { issuer, audience, algorithms, requiredClaims: ['exp', 'sub'], clockTolerance: clockToleranceSeconds };
  const { payload } = await jwtVerify(jwt, keys, rules).catch((error: unknown) => {
    throw toRefusal(error, { ...settings, algorithms });
  });
  if (typeof payload.sub === 'string' && payload.sub !== '') return payload as VerifiedClaims;
  throw refusal('token_claims_missing', "The token's claim sub is no text or empty; it has to say who asks.");
}

/** The keys of an issuer, asked for when first needed. jose keeps them for ten minutes, then asks for them again. */
function createKeySource(issuer: string, request: typeof fetch): JWTVerifyGetKey {
  const keySet = remember(async () => await discover(issuer, request), discoveryMs);
  return async (header, token) => {
    try {
      return await (await keySet())(header, token);
    } catch (error) {
      if (isKeyUnknown(error)) throw error;
      const detail = `The issuer ${issuer} does not tell its keys now; try again in ${retryAfterSeconds} s.`;
      throw refusal('oidc_unavailable', detail, error);
    }
  };
}

/** The issuer answered, but none of its keys fits, or several do because the token names none. */
function isKeyUnknown(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
}

/** Where the keys are, by OpenID Connect Discovery 1.0, section 4. Throws an Error that says what is wrong there. */
async function discover(issuer: string, request: typeof fetch): Promise<JWTVerifyGetKey> {
  // Section 4.1: a terminating slash is removed first.
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = (await (await get(url, request)).json()) as { issuer?: unknown; jwks_uri?: unknown } | null;
  // Section 4.3: or another issuer's keys would count for this one.
  if (document?.issuer !== issuer) throw new Error(`${url} is of another issuer`);
  const keysUrl = document.jwks_uri;
  if (typeof keysUrl !== 'string' || !isTrustworthyUrl(keysUrl)) {
    throw new Error(`${url} has a jwks_uri that is neither https nor on a loopback host`);
  }
  // A key set is kept by jose; what is remembered here is that it could not be had, or each bad token would ask again.
  const getKeys = remember(async () => await get(keysUrl, request), 0);
  return createRemoteJWKSet(new URL(keysUrl), { cooldownDuration: cooldownMs, [customFetch]: getKeys });
}

/** Redirects are not followed: they could lead from a configured host to any, and off https. */
async function get(url: string, request: typeof fetch): Promise<Response> {
  const headers = { accept: 'application/json' };
  const response = await request(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  if (response.status === 200) return response;
  await response.body?.cancel();
  throw new Error(`${url} answers ${response.status} and not 200`);
}

/** One request for all who wait at the same time. Its answer is kept for `keepMs`, a failure for `failureMs`. */
function remember<Answer>(ask: () => Promise<Answer>, keepMs: number): () => Promise<Answer> {
  let held: { answer: Promise<Answer>; isCurrent: () => boolean } | undefined;
  return () => {
    if (held?.isCurrent()) return held.answer;
    const entry = { answer: ask(), isCurrent: () => true };
    const keepFor = (ms: number) => () => {
      const since = Date.now();
      // A clock that was set back makes no answer last longer.
      entry.isCurrent = () => Date.now() >= since && Date.now() - since < ms;
    };
    entry.answer.then(keepFor(keepMs), keepFor(failureMs));
    held = entry;
    return entry.answer;
  };
}

/** The first rule that matches counts, also when it then gives no valid project. */
function mapClaims(claims: JWTPayload, rules: readonly OidcRule[]): { project: string; scopes: Scope[] } {
  const rule = findRule(rules, claims);
  if (!rule) throw refusal('token_not_mapped', 'The token is genuine, but no rule of its issuer matches its claims.');
  const { project, projectFromClaim = '', scopes } = rule;
  if (project !== undefined) return { project, scopes: [...scopes] };
  const claimed = Object.hasOwn(claims, projectFromClaim) ? claims[projectFromClaim] : undefined;
  if (Value.Check(projectName, claimed)) return { project: claimed, scopes: [...scopes] };
  throw refusal('token_not_mapped', `The token's claim ${projectFromClaim} ${projectNameRule}.`);
}

/** What jose found wrong, in words that say the limit and the remedy. Neither the token nor its claims are told. */
function toRefusal(error: unknown, { issuer, audience, algorithms = [] }: OidcIssuer): unknown {
  if (error instanceof errors.JWTExpired) return refusal('token_expired', 'The token has expired; get another.', error);
  if (error instanceof errors.JWTClaimValidationFailed) return toClaimRefusal(error, audience);
  if (error instanceof errors.JOSEAlgNotAllowed) {
    const detail = `The token must be signed by one of ${algorithms.join(', ')}.`;
    return refusal('token_algorithm_not_allowed', detail, error);
  }
  // A TypeError: the issuer's key is one that the algorithm must not be used with, as an RSA key below 2048 bits.
  const { JWSSignatureVerificationFailed: WrongSignature } = errors;
  if (error instanceof WrongSignature || error instanceof TypeError || isKeyUnknown(error)) {
    const detail = `The token is not signed by the key of ${issuer} that its header names (kid); get another from there.`;
    return refusal('token_signature_invalid', detail, error);
  }
  return error instanceof errors.JOSEError ? refusal('token_malformed', malformed, error) : error;
}

function toClaimRefusal(error: errors.JWTClaimValidationFailed, audience: string | string[]): AppError {
  const { claim, reason } = error;
  if (reason === 'missing') {
    const detail = `The token lacks the claim ${claim}; it needs iss, aud, sub and exp.`;
    return refusal('token_claims_missing', detail, error);
  }
  if (claim === 'aud') {
    const detail = `The token is for another audience; get one for ${[audience].flat().join(' or ')}.`;
    return refusal('token_audience_mismatch', detail, error);
  }
  if (claim === 'nbf' && reason === 'check_failed') {
    const detail = 'The token is not valid yet; wait, or set the clock of the issuer or of this host.';
    return refusal('token_not_yet_valid', detail, error);
  }
  return refusal('token_malformed', `The token's claim ${claim} is not of the type that RFC 7519 gives it.`, error);
}

function refusal(code: ErrorCode, detail: string, cause?: unknown): AppError {
  const faults = [{ pointer: '#header/authorization', detail }];
  return new AppError(code, detail, { faults, cause, ...(code === 'oidc_unavailable' && { retryAfterSeconds }) });
}
