import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../errors.ts';

const windowSeconds = 60;

export const rateLimitHeaders = ['ratelimit', 'ratelimit-policy'] as const;

export interface RateLimitState {
  /** Fields of draft-ietf-httpapi-ratelimit-headers-10. */
  readonly headers: Readonly<Record<(typeof rateLimitHeaders)[number], string>>;
}

export type RateLimit = ReturnType<typeof createRateLimit>;

/**
 * Requests of a project in a minute, counted by each API process for itself: a store in the middle of each request would
 * cost more than the limit protects.
 */
export function createRateLimit({ perMinute }: { perMinute: number }) {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: windowSeconds });
  const policy = `"requests";q=${perMinute};w=${windowSeconds}`;

  const stateOf = ({ remainingPoints, msBeforeNext }: RateLimiterRes): RateLimitState => ({
    headers: {
      ratelimit: `"requests";r=${Math.max(0, remainingPoints)};t=${Math.ceil(msBeforeNext / 1000)}`,
      'ratelimit-policy': policy,
    },
  });

  return {
    /** Counts a request. `error` is set when it is one too many. */
    async count(project: string): Promise<RateLimitState & { readonly error?: AppError }> {
      try {
        return stateOf(await limiter.consume(project));
      } catch (rejected) {
        if (!(rejected instanceof RateLimiterRes)) throw rejected;
        const seconds = Math.ceil(rejected.msBeforeNext / 1000);
        const detail = `The project ${project} may send ${perMinute} requests in ${windowSeconds} s to this process. Wait ${seconds} s.`;
        const error = new AppError('rate_limited', detail, {
          limit: { name: 'requests', value: perMinute },
          retryAfterSeconds: Math.max(1, seconds),
        });
        return { ...stateOf(rejected), error };
      }
    },
  };
}
