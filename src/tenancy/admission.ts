import type { AppError } from '../errors.ts';
import type { Authenticator, NamedProject } from './authenticate.ts';
import { missingScope, type NeededScope, type Principal } from './principal.ts';
import type { RateLimit, RateLimitState } from './rate-limit.ts';

export interface Admission extends RateLimitState {
  readonly principal: Principal;
  /** It is only recalled who asks: before that is proven, nothing may be told. */
  readonly isRecalled: boolean;
  /** Proves who asks, once more where that was done; rejects as `Authenticator.prove`. */
  readonly prove: () => Promise<unknown>;
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
    /** What the call does finds out itself whether the key still is what it was. */
    { provesItself = false } = {},
  ): Promise<Admission> {
    const recalled = provesItself ? authenticator.recall(authorization, named) : undefined;
    const principal = recalled ?? (await authenticator.prove(authorization, named));
    const { headers, error } = await rateLimit.count(principal.project);
    return {
      principal,
      isRecalled: recalled !== undefined,
      prove: () => authenticator.prove(authorization, named),
      headers,
      refusal: error ?? (scope && missingScope(principal, scope)),
    };
  };
}
