import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError, isAppError } from '../errors.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { waitForCall } from '../redis/wait-for-call.ts';
import {
  aliveEveryMs,
  type LogReply,
  type LogRequestBody,
  type LogSelection,
  maxUnread,
  silenceMs,
} from './log-protocol.ts';

const firstAnswerTimeoutMs = 5000;

export interface LogQuery extends LogSelection {
  /** The host that the sandbox is on. */
  readonly host: string;
}

/** Reads logs from hosts. `subscriber` is a connection for subscriptions, shared by all readers of the process. */
export function createLogReader({ redis, subscriber, keys }: { redis: Redis; subscriber: Redis; keys: RedisKeys }) {
  const inboxes = new Map<string, Inbox>();
  subscriber.on('message', (channel: string, text: string) => inboxes.get(channel)?.push(JSON.parse(text) as LogReply));

  /** Ends when `signal` aborts. Throws `logs_unavailable`, and `no_worker` when the host does not answer. */
  return async function* read({ host, ...selection }: LogQuery, signal: AbortSignal): AsyncGenerator<Buffer> {
    const requestId = randomUUID();
    const channel = keys.logReplies(requestId);
    const inbox = createInbox(signal);
    inboxes.set(channel, inbox);
    const send = (body: LogRequestBody) =>
      redis.publish(keys.logRequests(host), JSON.stringify({ requestId, ...body }));
    // One that is lost does no harm: the next is on its way before the host takes the reader for dead.
    const alive = setInterval(() => send({ kind: 'alive' }).catch(() => undefined), aliveEveryMs);
    try {
      await subscriber.subscribe(channel);
      await send({ kind: 'open', ...selection });
      for (let received = 0; ; ) {
        const reply = await inbox.take(received === 0 ? firstAnswerTimeoutMs : silenceMs);
        if (!reply || reply.kind === 'end') return;
        if (reply.kind === 'error') throw new AppError(reply.code, reply.message);
        if (reply.kind === 'alive') continue;
        received += 1;
        yield Buffer.from(reply.data, 'base64');
        if (received % (maxUnread / 2) === 0) await send({ kind: 'more' });
      }
    } finally {
      clearInterval(alive);
      inboxes.delete(channel);
      // If Redis is away: the host stops by itself when it hears nothing, and a lost connection has no subscription.
      await send({ kind: 'close' }).catch(() => undefined);
      await subscriber.unsubscribe(channel).catch(() => undefined);
    }
  };
}

type Inbox = ReturnType<typeof createInbox>;

/** Holds the replies to one request until they are read. */
function createInbox(signal: AbortSignal) {
  const replies: LogReply[] = [];
  const waiting = new Set<() => void>();
  return {
    push(reply: LogReply): void {
      replies.push(reply);
      for (const wake of waiting) wake();
    },
    /** The next reply; null once `signal` has aborted. Throws `no_worker` when none comes in time. */
    async take(timeoutMs: number): Promise<LogReply | null> {
      if (replies.length === 0) await waitForCall(waiting, timeoutMs, signal);
      if (signal.aborted) return null;
      const reply = replies.shift();
      if (reply) return reply;
      throw new AppError('no_worker', "The worker of this sandbox's host does not answer. Try again.", {
        retryAfterSeconds: 5,
      });
    },
  };
}

/**
 * Resolves with the log once the host has opened it: what goes wrong until then is thrown here, before an answer has begun.
 * Throws the reason of `signal` if that is an AppError.
 */
export async function begun(log: AsyncGenerator<Buffer>, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  // The first chunk is always empty.
  await log.next();
  // The log may never be read: then nothing else would end it.
  const end = () => void log.return(undefined);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) {
    end();
    // The log only seems to have ended: it was cut off.
    if (isAppError(signal.reason)) throw signal.reason;
  }
  return log;
}
