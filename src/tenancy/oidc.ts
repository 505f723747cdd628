import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Scope } from '../schemas/key.ts';
import type { OidcIssuer, OidcRule, OidcSettings } from './oidc-settings.ts';

const defaultAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const maxTokenBytes = 16 * 1024;
const clockToleranceSeconds = 5;
const timeoutMs = 5000;
const keepDiscoveryMs = 3600_000;
const keepFailureMs = 5000;
/** An unknown key id leads to another look at the issuer's keys, but not more often than this. */
const keysCooldownMs = 5000;

export interface VerifiedToken {
  readonly issuer: string;
  readonly subject: string;
  readonly project: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date;
}

export type Oidc = ReturnType<typeof createOidc>;

/** Verifies JWTs of the configured issuers (RFC 7519) and maps their claims to a project and scopes. */
export function createOidc({ issuers }: OidcSettings) {
  const known = new Map(issuers.map((issuer) => [issuer.issuer, { issuer, keys: createKeySource(issuer.issuer) }]));

  /** Throws one of the `token_...` codes, or `oidc_unavailable`. Nothing is asked of an issuer that is not configured. */
  async function verify(jwt: string): Promise<VerifiedToken> {
    const claimed = readUnverified(jwt);
    const found = known.get(claimed.iss ?? '');
    if (!found) throw refused('token_issuer_unknown', 'is of an issuer that is not configured here');
    const { issuer, keys } = found;
    const algorithms = issuer.algorithms ?? defaultAlgorithms;
    const { alg = '' } = decodeProtectedHeader(jwt);
    if (!algorithms.includes(alg)) {
      throw refused('token_algorithm_not_allowed', `is signed by ${alg}; allowed are ${algorithms.join(', ')}`);
    }
    const { payload } = await jwtVerify(jwt, await keys(), {
      issuer: issuer.issuer,
      audience: issuer.audience,
      algorithms,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: clockToleranceSeconds,
    }).catch((error: unknown) => {
      throw toRefusal(error, issuer);
    });
    return {
      issuer: issuer.issuer,
      subject: payload.sub ?? '',
      expiresAt: new Date((payload.exp ?? 0) * 1000),
      ...map(payload, issuer.rules),
    };
  }

  return { verify };
}

/** The claims, of which nothing is believed yet but who is to be asked for the keys. */
function readUnverified(jwt: string): JWTPayload {
  try {
    if (jwt.length > maxTokenBytes) throw new Error('too long');
    decodeProtectedHeader(jwt);
    return decodeJwt(jwt);
  } catch (cause) {
    throw refused('token_malformed', `is not a JWT of at most ${maxTokenBytes} bytes`, cause);
  }
}

/** The issuer's keys by OpenID Connect Discovery 1.0, looked up when first needed and again after an hour. */
function createKeySource(issuer: string): () => Promise<JWTVerifyGetKey> {
  let found: { at: number; keys: Promise<JWTVerifyGetKey>; failed: boolean } | undefined;
  return async () => {
    const age = found ? performance.now() - found.at : 0;
    if (!found || age > (found.failed ? keepFailureMs : keepDiscoveryMs)) {
      const entry = { at: performance.now(), keys: discover(issuer), failed: false };
      entry.keys.catch(() => {
        entry.failed = true;
      });
      found = entry;
    }
    return await found.keys;
  };
}

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    const document = (await answer.json()) as { issuer?: unknown; jwks_uri?: unknown };
    if (document.issuer !== issuer) throw new Error('names another issuer');
    const keysUrl = new URL(String(document.jwks_uri));
    if (keysUrl.protocol !== 'https:' && !issuer.startsWith('http:')) throw new Error('its jwks_uri is not https');
    return createRemoteJWKSet(keysUrl, { timeoutDuration: timeoutMs, cooldownDuration: keysCooldownMs });
  } catch (cause) {
    throw unavailable(issuer, cause);
  }
}

/** The first rule whose claims all match counts. */
function map(claims: JWTPayload, rules: readonly OidcRule[]): { project: string; scopes: readonly Scope[] } {
  const rule = rules.find(({ match }) =>
    Object.entries(match).every(([claim, pattern]) => matches(claims[claim], pattern)),
  );
  const project = rule?.project ?? (rule?.projectFromClaim ? claims[rule.projectFromClaim] : undefined);
  if (rule && typeof project === 'string' && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(project)) {
    return { project, scopes: rule.scopes };
  }
  throw refused('token_not_mapped', 'is valid, but no rule of its issuer gives it a project');
}

/** `*` stands for any text. Of an array, one member has to match. */
function matches(claim: unknown, pattern: string): boolean {
  if (Array.isArray(claim)) return claim.some((one) => matches(one, pattern));
  if (typeof claim !== 'string' && typeof claim !== 'number' && typeof claim !== 'boolean') return false;
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(String(claim));
}

function toRefusal(error: unknown, { issuer, audience }: OidcIssuer): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof errors.JWTExpired) return refused('token_expired', 'has expired; get another', error);
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === 'missing') return refused('token_claims_missing', `lacks the claim ${error.claim}`, error);
    if (error.claim === 'aud') return refused('token_audience_mismatch', `is not for the audience ${audience}`, error);
    if (error.claim === 'nbf') return refused('token_not_yet_valid', 'is not valid yet; check the clocks', error);
    return refused('token_claims_missing', `has a claim ${error.claim} that is not as it must be`, error);
  }
  if (error instanceof errors.JOSEAlgNotAllowed)
    return refused('token_algorithm_not_allowed', 'is signed otherwise', error);
  const wrongKey = [errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys];
  if (wrongKey.some((kind) => error instanceof kind)) {
    return refused('token_signature_invalid', "is not signed by a key of its issuer's", error);
  }
  const malformed = [errors.JWTInvalid, errors.JWSInvalid];
  if (malformed.some((kind) => error instanceof kind)) return refused('token_malformed', 'is not a JWT', error);
  return unavailable(issuer, error);
}

function refused(code: ErrorCode, detail: string, cause?: unknown): AppError {
  return new AppError(code, `The token ${detail}.`, { cause, faults: [{ pointer: '#header/authorization', detail }] });
}

function unavailable(issuer: string, cause: unknown): AppError {
  return new AppError('oidc_unavailable', `The issuer ${issuer} does not tell its keys now.`, {
    cause,
    retryAfterSeconds: 5,
  });
}
