import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import { beginIdempotentRequest, endIdempotentRequest } from '../redis/calls/idempotency.ts';
import type { RedisKeys } from '../redis/keys.ts';
import type { Sealer } from '../redis/seal.ts';
import { randomId } from '../resources/random-id.ts';

const keepSeconds = 24 * 3600;
/** The newest of a project, so that nobody fills the store with answers. */
const keepMost = 100_000;
/**
 * A request without a heartbeat for longer was cut off by a crash: the next one with its key takes it over. Should the first
 * have stood still only, no harm is done, as both make the same. Clients wait for this after a crash, so it is short.
 */
const inFlightForMs = 3000;
const heartbeatEveryMs = 1000;
const seedLength = 20;

/** An answer as it is sent, and sent again. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

export interface IdempotentRequest {
  readonly project: string;
  /** The Idempotency-Key; without one the work is simply done. */
  readonly key: string | undefined;
  /** What the request asks for: the operation, its parameters and its body. */
  readonly request: unknown;
}

export type RunIdempotently = ReturnType<typeof createIdempotency>;

/**
 * Answers a repeated POST as the first one was answered (draft-ietf-httpapi-idempotency-key-header-07), for 24 h. Keys
 * belong to a project; the newest 100,000 of it are kept. The work gets a seed of 20 characters of [0-9a-z] to make ids from.
 * A repeat that takes over a request which was cut off gets the same seed, so that it finds what that one had made instead of
 * making it again. Throws `idempotency_in_flight` (409) and `idempotency_mismatch` (422).
 */
export function createIdempotency({ redis, keys, sealer }: { redis: Redis; keys: RedisKeys; sealer: Sealer }) {
  return async function runIdempotently(
    { project, key, request }: IdempotentRequest,
    work: (seed: string) => Promise<StoredAnswer>,
  ): Promise<StoredAnswer> {
    if (key === undefined) return await work(randomId(seedLength));
    const entry = keys.idempotency(project, hash(key));
    const entryKeys = { entry, entries: keys.idempotencyKeys(project) };
    const owner = randomUUID();
    const end = (how: 'beat' | 'answer' | 'release' | 'forget', answer = '') =>
      endIdempotentRequest(redis, { keys: entryKeys, owner, how, answer });

    const begun = await begin(entryKeys, hash(JSON.stringify(canonical(request))), owner);
    // It is sealed, for an answer may hold the secret of a key.
    if ('answer' in begun) return JSON.parse(sealer.open(begun.answer, entry)) as StoredAnswer;
    // A heartbeat that is lost is followed by the next. When all are lost, another request may take this one over.
    const beat = setInterval(() => void end('beat').catch(() => undefined), heartbeatEveryMs);
    try {
      const answer = await work(begun.seed);
      await end('answer', sealer.seal(JSON.stringify(answer), entry));
      return answer;
    } catch (error) {
      // A request that was refused made nothing, and may be sent again in another form. Every other one may have been done
      // in part: the next one takes it over, with the same seed. So it is with a revoked key, for this may be the repeat of
      // a request that was done while the key was valid.
      const isRefused = error instanceof AppError && error.kind.http < 500 && error.code !== 'key_revoked';
      // When that fails too, the request is taken over once it has no heartbeat; the first error is the one to tell.
      await end(isRefused ? 'forget' : 'release').catch(() => undefined);
      throw error;
    } finally {
      clearInterval(beat);
    }
  };

  async function begin(entryKeys: { entry: string; entries: string }, fingerprint: string, owner: string) {
    const [state, given = ''] = await beginIdempotentRequest(redis, {
      keys: entryKeys,
      fingerprint,
      newSeed: randomId(seedLength),
      owner,
      keepSeconds,
      silentMs: inFlightForMs,
      most: keepMost,
    });
    if (state === 'mismatch') {
      throw new AppError('idempotency_mismatch', 'This Idempotency-Key was used with another request. Use a new key.', {
        faults: [{ pointer: '#header/idempotency-key', detail: 'was used with another request' }],
      });
    }
    if (state === 'in-flight') {
      throw new AppError('idempotency_in_flight', 'The first request with this Idempotency-Key is not answered yet.', {
        retryAfterSeconds: 1,
      });
    }
    return state === 'answered' ? { answer: given } : { seed: given };
  }
}

/** The same value for requests that mean the same: maps have no order, and empty ones need not be sent. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const isEmpty = (one: unknown) => typeof one === 'object' && one !== null && Object.keys(one).length === 0;
  const fields = Object.entries(value).map(([name, one]) => [name, canonical(one)] as const);
  return Object.fromEntries(fields.filter(([, one]) => !isEmpty(one)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
