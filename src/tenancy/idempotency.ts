import { createHash, randomInt } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisKeys } from '../redis-keys.ts';
import type { Sealer } from '../seal.ts';

const keepSeconds = 24 * 3600;
/** A request that has been in flight for longer was cut off by a crash: the next with its key takes it over. */
const inFlightForMs = 30_000;

interface Entry {
  readonly fingerprint: string;
  /** Chosen before the work begins, so that whoever takes over makes no second one. */
  readonly seed: string;
  readonly startedAt: number;
  /** Sealed: an answer may hold the secret of a key. */
  readonly answer: string | null;
}

/** An answer as it is sent, and sent again. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

export interface IdempotentRequest {
  readonly project: string;
  /** The Idempotency-Key; undefined: the work is simply done. */
  readonly key: string | undefined;
  /** The operation, its path and its body. */
  readonly request: unknown;
}

export type Once = ReturnType<typeof createIdempotency>;

/**
 * Answers a repeated POST as the first one was (draft-ietf-httpapi-idempotency-key-header-07), for 24 h. Keys belong to
 * a project. The work gets a seed of 20 characters of [0-9a-z] to make ids from. Throws `idempotency_in_flight` (409)
 * and `idempotency_mismatch` (422).
 */
export function createIdempotency({ redis, keys, sealer }: { redis: Redis; keys: RedisKeys; sealer: Sealer }) {
  return async function once(
    { project, key, request }: IdempotentRequest,
    work: (seed: string) => Promise<Answer>,
  ): Promise<Answer> {
    if (key === undefined) return await work(newSeed());
    const name = keys.idempotency(project, hash(key));
    const fingerprint = hash(JSON.stringify(request));
    const mine: Entry = { fingerprint, seed: newSeed(), startedAt: Date.now(), answer: null };
    const first = await redis.set(name, JSON.stringify(mine), 'EX', keepSeconds, 'NX');
    const entry = first ? mine : await existing(name);
    if (entry.fingerprint !== fingerprint) {
      throw new AppError('idempotency_mismatch', 'This Idempotency-Key was used with another request. Use a new key.');
    }
    if (entry.answer) return JSON.parse(sealer.open(entry.answer, name)) as Answer;
    if (!first && Date.now() - entry.startedAt < inFlightForMs) {
      throw new AppError('idempotency_in_flight', 'The first request with this Idempotency-Key is not answered yet.', {
        retryAfterSeconds: 1,
      });
    }
    const taken: Entry = { ...entry, startedAt: Date.now() };
    if (!first) await redis.set(name, JSON.stringify(taken), 'EX', keepSeconds);
    const answer = await work(entry.seed).catch(async (error: unknown) => {
      // Nothing was made: the same request may be sent again.
      await redis.del(name).catch(() => undefined);
      throw error;
    });
    const done = { ...taken, answer: sealer.seal(JSON.stringify(answer), name) };
    await redis.set(name, JSON.stringify(done), 'EX', keepSeconds);
    return answer;
  };

  async function existing(name: string): Promise<Entry> {
    const text = await redis.get(name);
    if (text) return JSON.parse(text) as Entry;
    throw new AppError('idempotency_in_flight', 'Try again.', { retryAfterSeconds: 1 });
  }
}

/** 20 characters, 103 bits: 36 to the 9th is the largest power that `randomInt` takes. */
function newSeed(): string {
  const digits = (count: number) =>
    randomInt(36 ** count)
      .toString(36)
      .padStart(count, '0');
  return digits(9) + digits(9) + digits(2);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
