import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError, type ErrorCode, isAppError } from '../errors.ts';
import type { RedisKeys } from '../redis/keys.ts';

/**
 * Logs live on the host of the sandbox; the API process has no way there but Redis. A request goes out on the host's
 * channel, chunks come back on a channel of its own. At most `window` chunks are under way: the reader asks for more.
 */
const window = 16;
const firstAnswerTimeoutMs = 5000;
/** Both sides say so often that they are there; silence for three times as long ends the reading and the sending. */
const aliveEveryMs = 5000;
const silenceMs = 3 * aliveEveryMs;

interface LogRequest {
  readonly requestId: string;
  readonly kind: 'open' | 'more' | 'alive' | 'close';
  readonly sandboxId?: string;
  readonly component?: string;
  readonly tail?: number;
  readonly follow?: boolean;
}

type LogReply =
  | { readonly kind: 'chunk'; readonly data: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'alive' }
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly message: string };

export interface LogQuery {
  readonly sandboxId: string;
  readonly host: string;
  readonly component: string;
  readonly tail: number;
  readonly follow: boolean;
}

/** The reader's side. `subscriber` is a connection for subscriptions, shared by all readers of the process. */
export function createLogReader({ redis, subscriber, keys }: { redis: Redis; subscriber: Redis; keys: RedisKeys }) {
  const readers = new Map<string, (reply: LogReply) => void>();
  subscriber.on('message', (channel: string, text: string) => readers.get(channel)?.(JSON.parse(text) as LogReply));

  /** Throws `logs_unavailable`, and `no_worker` when the host does not answer. */
  return async function* read(query: LogQuery, signal: AbortSignal): AsyncGenerator<Buffer> {
    const requestId = randomUUID();
    const channel = keys.logReplies(requestId);
    const inbox = createInbox(signal);
    readers.set(channel, inbox.push);
    const send = (request: Omit<LogRequest, 'requestId'>) =>
      redis.publish(keys.logRequests(query.host), JSON.stringify({ requestId, ...request }));
    const alive = setInterval(() => send({ kind: 'alive' }).catch(() => undefined), aliveEveryMs);
    try {
      await subscriber.subscribe(channel);
      const { sandboxId, component, tail, follow } = query;
      await send({ kind: 'open', sandboxId, component, tail, follow });
      for (let received = 0; ; ) {
        const reply = await inbox.take(received === 0 ? firstAnswerTimeoutMs : silenceMs);
        if (!reply || reply.kind === 'end') return;
        if (reply.kind === 'error') throw new AppError(reply.code, reply.message);
        if (reply.kind === 'alive') continue;
        received += 1;
        // The first may be empty: it tells that the log is there, before there is anything to read.
        yield Buffer.from(reply.data, 'base64');
        if (received % (window / 2) === 0) await send({ kind: 'more' });
      }
    } finally {
      clearInterval(alive);
      readers.delete(channel);
      // The sender also stops by itself when it hears nothing.
      await send({ kind: 'close' }).catch(() => undefined);
      await subscriber.unsubscribe(channel).catch(() => undefined);
    }
  };
}

/** Resolves when the first chunk is there, with it and all that follow. */
export async function begun(reading: AsyncIterable<Buffer>, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const chunks = reading[Symbol.asyncIterator]();
  const first = await chunks.next();
  // Also when nobody ever begins to read on.
  const end = () => void chunks.return?.();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) {
    end();
    // Its end is no end of the log.
    if (isAppError(signal.reason)) throw signal.reason;
  }
  return startingWith(first, chunks);
}

async function* startingWith(first: IteratorResult<Buffer>, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Replies as they come, until `signal` ends the reading. */
function createInbox(signal: AbortSignal) {
  const replies: LogReply[] = [];
  let wake = () => {};
  signal.addEventListener('abort', () => wake(), { once: true });

  /** Waits for a reply or the end, at most `timeoutMs`. */
  async function arrival(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }

  return {
    push(reply: LogReply): void {
      replies.push(reply);
      wake();
    },
    /** The next reply; null when the reading has ended. Throws `no_worker` when none comes in time. */
    async take(timeoutMs: number): Promise<LogReply | null> {
      if (replies.length === 0 && !signal.aborted) await arrival(timeoutMs);
      if (signal.aborted) return null;
      const reply = replies.shift();
      if (reply) return reply;
      throw new AppError('no_worker', "The worker of this sandbox's host does not answer. Try again.", {
        retryAfterSeconds: 5,
      });
    },
  };
}

type ReadLogs = (
  query: Pick<LogQuery, 'sandboxId' | 'component' | 'tail' | 'follow'>,
  signal: AbortSignal,
) => Promise<AsyncIterable<Buffer>>;

/** One log on its way to a reader. */
interface Sending {
  credit: number;
  heardAt: number;
  /** Called when the reader has given credit. */
  wake: () => void;
  readonly stop: AbortController;
}

/** Resolves when the reader has given credit, or the sending ends. */
async function credit(state: Sending): Promise<void> {
  while (state.credit <= 0 && !state.stop.signal.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>();
    state.wake = resolve;
    await promise;
  }
}

/** The host's side: answers until `close`. `subscriber` may have other subscriptions. */
export async function serveLogs(options: {
  redis: Redis;
  subscriber: Redis;
  keys: RedisKeys;
  host: string;
  read: ReadLogs;
}): Promise<{ close(): void }> {
  const { redis, subscriber, keys, host, read } = options;
  const sending = new Map<string, Sending>();

  const replyTo = (requestId: string, message: LogReply) =>
    redis.publish(keys.logReplies(requestId), JSON.stringify(message));

  async function send(request: LogRequest): Promise<void> {
    const { requestId, sandboxId, component, tail = 100, follow = false } = request;
    if (!sandboxId || !component) return;
    const state: Sending = { credit: window, heardAt: performance.now(), wake: () => {}, stop: new AbortController() };
    sending.set(requestId, state);
    const reply = (message: LogReply) => replyTo(requestId, message);
    try {
      const chunks = await read({ sandboxId, component, tail, follow }, state.stop.signal);
      // So that the reader knows that it is being served, even by a log that is silent.
      if (follow) await reply({ kind: 'chunk', data: '' });
      for await (const chunk of chunks) {
        if (state.credit <= 0) await credit(state);
        if (state.stop.signal.aborted) break;
        state.credit -= 1;
        await reply({ kind: 'chunk', data: chunk.toString('base64') });
      }
      await reply({ kind: 'end' });
    } catch (error) {
      const known = error instanceof AppError ? error : new AppError('internal', 'The log could not be read.');
      await reply({ kind: 'error', code: known.code, message: known.message });
    } finally {
      sending.delete(requestId);
      // What was opened and never read ends too.
      state.stop.abort();
    }
  }

  subscriber.on('message', (channel: string, text: string) => {
    if (channel !== keys.logRequests(host)) return;
    const request = JSON.parse(text) as LogRequest;
    // A failed publish means that Redis is gone, and the reader with it.
    if (request.kind === 'open') return void send(request).catch(() => undefined);
    const state = sending.get(request.requestId);
    if (request.kind === 'alive') {
      // One that is not known here was being served by a worker that is gone.
      replyTo(request.requestId, { kind: state ? 'alive' : 'end' }).catch(() => undefined);
    }
    if (!state) return;
    state.heardAt = performance.now();
    if (request.kind === 'close') state.stop.abort();
    if (request.kind === 'more') state.credit += window / 2;
    if (request.kind !== 'alive') state.wake();
  });
  await subscriber.subscribe(keys.logRequests(host));
  const check = setInterval(() => {
    for (const { heardAt, stop, wake } of sending.values()) {
      if (performance.now() - heardAt <= silenceMs) continue;
      stop.abort();
      wake();
    }
  }, aliveEveryMs);

  return {
    close() {
      clearInterval(check);
      for (const { stop, wake } of sending.values()) {
        stop.abort();
        wake();
      }
    },
  };
}
