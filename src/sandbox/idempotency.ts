import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisKeys } from './keys.ts';

const keepSeconds = 24 * 3600;
/** A request that has been in flight for longer was cut off by a crash: the next with its key takes it over. */
const inFlightForMs = 30_000;

interface Entry {
  readonly bodyHash: string;
  /** Chosen before the work begins, so that whoever takes over makes no second one. */
  readonly sandboxId: string;
  readonly startedAt: number;
  readonly answer: { readonly status: number; readonly body: string } | null;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Answers a repeated create as the first one was (draft-ietf-httpapi-idempotency-key-header-07), for 24 h. Keys belong
 * to a project. Throws `idempotency_in_flight` (409) and `idempotency_mismatch` (422).
 */
export function createIdempotency({ redis, keys }: { redis: Redis; keys: RedisKeys }) {
  return async function once(
    request: { project: string; key: string; body: unknown; newId: () => string },
    work: (sandboxId: string) => Promise<Answer>,
  ): Promise<Answer> {
    const name = keys.idempotency(request.project, hash(request.key));
    const bodyHash = hash(JSON.stringify(request.body));
    const mine: Entry = { bodyHash, sandboxId: request.newId(), startedAt: Date.now(), answer: null };
    const first = await redis.set(name, JSON.stringify(mine), 'EX', keepSeconds, 'NX');
    const entry = first ? mine : await existing(name);
    if (entry.bodyHash !== bodyHash) {
      throw new AppError('idempotency_mismatch', 'This Idempotency-Key was used with another body. Use a new key.');
    }
    if (entry.answer) return entry.answer;
    if (!first && Date.now() - entry.startedAt < inFlightForMs) {
      throw new AppError('idempotency_in_flight', 'The first request with this Idempotency-Key is not answered yet.', {
        retryAfterSeconds: 1,
      });
    }
    const taken: Entry = { ...entry, startedAt: Date.now() };
    if (!first) await redis.set(name, JSON.stringify(taken), 'EX', keepSeconds);
    const answer = await work(entry.sandboxId).catch(async (error: unknown) => {
      // Nothing was made: the same request may be sent again.
      await redis.del(name).catch(() => undefined);
      throw error;
    });
    await redis.set(name, JSON.stringify({ ...taken, answer }), 'EX', keepSeconds);
    return answer;
  };

  async function existing(name: string): Promise<Entry> {
    const text = await redis.get(name);
    if (text) return JSON.parse(text) as Entry;
    throw new AppError('idempotency_in_flight', 'Try again.', { retryAfterSeconds: 1 });
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
