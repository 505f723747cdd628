import { once } from 'node:events';
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { requestIdFrom } from '../../operations/request-id.ts';
import { acceptedEncodings, createUnframer, toFrame } from './framing.ts';
import { type Status, StatusError, toTrailers } from './status.ts';
import { toTimeoutMs } from './timeout.ts';

const longestTimerMs = 2 ** 31 - 1;
const ok = { 'grpc-status': '0' } as const;

/**
 * One call on its HTTP/2 stream: what was sent, and what is answered. It ends once, whoever ends it: with a status, at its
 * deadline, or when the client goes.
 */
export class Exchange {
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  /** Of the client, or of the proxy that is trusted to tell it. */
  readonly address: string;
  /** Of `performance.now()`. */
  readonly beganAt = performance.now();
  readonly #stream: ServerHttp2Stream;
  /** Since when the client has to send something; undefined: it has not. */
  #awaitedSince: number | undefined = this.beganAt;
  #endedAt: number | undefined;
  #goneListeners: (() => void)[] | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, address: string) {
    this.#stream = stream;
    this.headers = headers;
    this.address = address;
    this.requestId = requestIdFrom(headers['x-request-id']);
    // It is told by the end of the stream, which comes with it.
    stream.on('error', ignore);
  }

  /** Begins to count down to the deadline. Throws StatusError. */
  start(): void {
    const ms = toTimeoutMs(this.headers['grpc-timeout']);
    if (ms === undefined) return;
    const expire = () => {
      this.end({ code: 'DEADLINE_EXCEEDED', message: 'The deadline of the call has passed.' });
      this.#tellGone();
    };
    this.#deadline = setTimeout(expire, Math.min(ms, longestTimerMs)).unref();
  }

  /** Nobody waits for an answer any more. */
  get isGone(): boolean {
    return this.#endedAt !== undefined || this.#stream.destroyed;
  }

  /** Called once, also when the call has ended well. */
  onGone(listener: () => void): void {
    this.#goneListeners ??= [];
    this.#goneListeners.push(listener);
  }

  /** Aborts when nobody waits for an answer any more. */
  gone(): AbortSignal {
    if (this.isGone) return AbortSignal.abort();
    const controller = new AbortController();
    this.onGone(() => controller.abort());
    return controller.signal;
  }

  /** To be called when the stream has closed. */
  closed(): void {
    clearTimeout(this.#deadline);
    this.#tellGone();
  }

  /**
   * Ends what takes too long: a request that is not there, or an end that is not read. `withinMs` is for the one and
   * `lingerMs` for the other.
   */
  endIfLate(withinMs: number, lingerMs: number): void {
    const now = performance.now();
    if (this.#endedAt !== undefined) {
      if (now - this.#endedAt > lingerMs) this.#stream.close(constants.NGHTTP2_CANCEL);
    } else if (this.#awaitedSince !== undefined && now - this.#awaitedSince > withinMs) {
      this.end({ code: 'DEADLINE_EXCEEDED', message: `Nothing came within ${withinMs / 1000} s.` });
    }
  }

  /** Gives the one message of the request; what follows it is ignored. A StatusError ends the call. */
  receive(take: (message: Buffer) => void): void {
    const takePiece = createUnframer(this.#encoding);
    const takeFirst = (piece: Buffer) => {
      const [message] = takePiece(piece);
      if (!message) return;
      this.#awaitedSince = undefined;
      take(message);
    };
    const isAwaited = () => this.#awaitedSince !== undefined && !this.isGone;
    this.#stream.on('data', (piece: Buffer) => {
      if (isAwaited()) this.attempt(() => takeFirst(piece));
    });
    this.#stream.on('end', () => {
      if (isAwaited()) this.end({ code: 'UNIMPLEMENTED', message: 'The method takes one message; there was none.' });
    });
  }

  /** All messages of the request, as they are asked for, until the call has ended. Throws StatusError. */
  async *messages(): AsyncGenerator<Buffer> {
    const takePiece = createUnframer(this.#encoding);
    // What is left of the stream is needed to tell how the call ended.
    for await (const piece of this.#stream.iterator({ destroyOnReturn: false })) {
      for (const message of takePiece(piece as Buffer)) {
        if (this.isGone) return;
        this.#awaitedSince = undefined;
        yield message;
        this.#awaitedSince = performance.now();
      }
    }
  }

  /** A StatusError ends the call. */
  attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.end(error);
    }
  }

  /** Sends what comes before the first message. */
  begin(): void {
    const stream = this.#stream;
    if (stream.headersSent || this.isGone) return;
    stream.respond(this.#responseHeaders(), { waitForTrailers: true });
  }

  /** Sends a message. Resolves when there is room for another, or when there will be none. */
  async write(message: Uint8Array, gone: AbortSignal): Promise<void> {
    if (this.isGone) return;
    this.begin();
    if (this.#stream.write(toFrame(message))) return;
    // The rejection only says that nobody reads any more.
    await once(this.#stream, 'drain', { signal: gone }).catch(ignore);
  }

  /** Ends a call well, with its last message if there is one. */
  finish(message?: Uint8Array): void {
    this.begin();
    this.#end(ok, message && toFrame(message));
  }

  /** Ends the call with a status other than OK. */
  end(status: Status): void {
    this.#end(toTrailers(status));
  }

  #end(trailers: OutgoingHttpHeaders, last?: Buffer): void {
    const stream = this.#stream;
    if (this.isGone) return;
    this.#endedAt = performance.now();
    if (!stream.headersSent) {
      // Headers and status in one: clients try again only what has not begun to be answered.
      stream.respond({ ...this.#responseHeaders(), ...trailers }, { endStream: true });
      closeUnread(stream);
      return;
    }
    stream.on('wantTrailers', () => {
      stream.sendTrailers(trailers);
      closeUnread(stream);
    });
    if (last) stream.end(last);
    else stream.end();
  }

  #responseHeaders(): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {
      ':status': constants.HTTP_STATUS_OK,
      'content-type': 'application/grpc',
      'x-request-id': this.requestId,
    };
    if (this.#encoding) headers['grpc-accept-encoding'] = acceptedEncodings;
    return headers;
  }

  get #encoding(): string | undefined {
    return this.headers['grpc-encoding'] as string | undefined;
  }

  #tellGone(): void {
    const listeners = this.#goneListeners;
    this.#goneListeners = undefined;
    for (const listener of listeners ?? []) listener();
  }
}

/** What the client still sends to an answered call is not wanted: said once the answer is on its way. */
export function closeUnread(stream: ServerHttp2Stream): void {
  if (!stream.readableEnded) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
}

function ignore(): void {}
