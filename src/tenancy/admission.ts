import type { AppError } from '../errors.ts';
import type { Authenticator, NamedProject } from './authenticate.ts';
import type { Claim } from './claim.ts';
import { missingScope, type NeededScope, type Principal } from './principal.ts';
import type { RateLimit, RateLimitState } from './rate-limit.ts';

export interface Admission extends RateLimitState {
  readonly principal: Principal;
  /** What is not proven yet, where the call proves it itself. */
  readonly claim: Claim | undefined;
  /** Why the call is refused all the same: one too many, or the key may not do that. */
  readonly refusal: AppError | undefined;
}

export type Admit = ReturnType<typeof createAdmission>;

/**
 * Who may do what, whatever the protocol: proves who asks, counts the call, and checks the scope. Everything of another
 * project is as unknown as what is not there, so the projects that a call names are part of the proof. Throws what
 * `Authenticator.prove` throws.
 */
export function createAdmission({ authenticator, rateLimit }: { authenticator: Authenticator; rateLimit: RateLimit }) {
  return async function admit(
    authorization: string | undefined,
    named: readonly NamedProject[],
    scope: NeededScope | undefined,
    { provesItself = false } = {},
  ): Promise<Admission> {
    const claim = provesItself ? authenticator.claim(authorization, named) : undefined;
    const principal = claim?.principal ?? (await authenticator.prove(authorization, named));
    const { headers, error } = await rateLimit.count(principal.project);
    return { principal, claim, headers, refusal: error ?? (scope && missingScope(principal, scope)) };
  };
}
