import type { AppError } from '../errors.ts';
import type { Authenticate, NamedProject } from './authenticate.ts';
import { missingScope, type NeededScope, type Principal } from './principal.ts';
import type { RateLimit, RateLimitState } from './rate-limit.ts';

export interface Admission extends RateLimitState {
  readonly principal: Principal;
  /** Why the call is refused all the same: it is beyond the rate limit, or the key lacks the scope. */
  readonly refusal: AppError | undefined;
  /** Authenticates the call again, for one whose body came later. Throws as `Authenticate` does. */
  readonly authenticateAgain: () => Promise<Principal>;
}

export type Admit = ReturnType<typeof createAdmission>;

/**
 * Decides for every protocol whether a call is allowed: authenticates the caller, counts the call, and checks the
 * scope. The projects that a call names are checked too: another project's things are answered like things that do
 * not exist. Throws what `Authenticate` throws.
 */
export function createAdmission({ authenticate, rateLimit }: { authenticate: Authenticate; rateLimit: RateLimit }) {
  return async function admit(
    authorization: string | undefined,
    named: readonly NamedProject[],
    scope: NeededScope | undefined,
  ): Promise<Admission> {
    const authenticateAgain = () => authenticate(authorization, named);
    const principal = await authenticateAgain();
    const { headers, error } = await rateLimit.count(principal.project);
    return { principal, headers, refusal: error ?? (scope && missingScope(principal, scope)), authenticateAgain };
  };
}
