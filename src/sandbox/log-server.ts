import type { Redis } from 'ioredis';
import { AppError } from '../errors.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { waitForCall } from '../redis/wait-for-call.ts';
import { type LogReply, type LogRequest, type LogSelection, maxUnread, silenceMs } from './log-protocol.ts';

/** Reads a log of this host until `signal` aborts. */
type ReadLog = (selection: LogSelection, signal: AbortSignal) => Promise<AsyncIterable<Buffer>>;
type Reply = (message: LogReply) => Promise<unknown>;

/** A log that is being sent to a reader. */
interface Sending {
  /** How many more chunks the reader takes for now. */
  credit: number;
  /** Called when the reader has given more credit. */
  readonly waiting: Set<() => void>;
  readonly stop: AbortController;
  /** Stops the sending when nothing is heard of the reader. */
  readonly silence: NodeJS.Timeout;
}

/** Sends logs of a host to those who ask for them, until it is closed. `subscriber` may have other subscriptions. */
export async function serveLogs(options: {
  redis: Redis;
  subscriber: Redis;
  keys: RedisKeys;
  host: string;
  read: ReadLog;
}): Promise<{ close(): void }> {
  const { redis, subscriber, keys, host, read } = options;
  const sendings = new Map<string, Sending>();

  async function answer(request: LogRequest): Promise<void> {
    const { requestId } = request;
    const reply: Reply = (message) => redis.publish(keys.logReplies(requestId), JSON.stringify(message));
    if (request.kind === 'open') {
      const sending = newSending();
      sendings.set(requestId, sending);
      return await send(sending, (signal) => read(request, signal), reply).finally(() => {
        sendings.delete(requestId);
        end(sending);
      });
    }
    const sending = sendings.get(requestId);
    if (sending) take(sending, request.kind);
    // One that is not known here was being sent by a worker that has died.
    if (request.kind === 'alive') await reply({ kind: sending ? 'alive' : 'end' });
  }

  subscriber.on('message', (channel: string, text: string) => {
    if (channel !== keys.logRequests(host)) return;
    // Only a publish can fail, because Redis is away: the reader notices that it hears nothing.
    answer(JSON.parse(text) as LogRequest).catch(() => undefined);
  });
  await subscriber.subscribe(keys.logRequests(host));
  return { close: () => sendings.forEach(end) };
}

function newSending(): Sending {
  const stop = new AbortController();
  return { credit: maxUnread, waiting: new Set(), stop, silence: setTimeout(() => stop.abort(), silenceMs) };
}

function take(sending: Sending, kind: Exclude<LogRequest['kind'], 'open'>): void {
  sending.silence.refresh();
  if (kind === 'close') sending.stop.abort();
  if (kind !== 'more') return;
  sending.credit += maxUnread / 2;
  for (const wake of sending.waiting) wake();
}

function end({ stop, silence }: Sending): void {
  clearTimeout(silence);
  stop.abort();
}

async function send(
  sending: Sending,
  open: (signal: AbortSignal) => Promise<AsyncIterable<Buffer>>,
  reply: Reply,
): Promise<void> {
  const { signal } = sending.stop;
  try {
    const chunks = await open(signal);
    // A log that is followed may have nothing to send for a long time: the reader is told that it is open.
    await reply({ kind: 'chunk', data: '' });
    for await (const chunk of chunks) {
      while (sending.credit <= 0 && !signal.aborted) await waitForCall(sending.waiting, silenceMs, signal);
      if (signal.aborted) break;
      sending.credit -= 1;
      await reply({ kind: 'chunk', data: chunk.toString('base64') });
    }
    await reply({ kind: 'end' });
  } catch (error) {
    const known = error instanceof AppError ? error : new AppError('internal', 'The log could not be read.');
    await reply({ kind: 'error', code: known.code, message: known.message });
  }
}
