import { once } from 'node:events';
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { requestIdFrom } from '../../request-id.ts';
import { acceptedEncodings, createUnframer, toFrame } from './framing.ts';
import { type Status, StatusError, toTrailers } from './status.ts';
import { toTimeoutMs } from './timeout.ts';

const longestTimerMs = 2 ** 31 - 1;
/** How long the end of a call waits for a client that does not read what came before it. */
const lingerMs = 5000;
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
  /** Whether the request is there as far as it is wanted. */
  isReceived = false;
  readonly #stream: ServerHttp2Stream;
  #isEnded = false;
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
    return this.#isEnded || this.#stream.destroyed;
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

  /** Gives the one message of the request; the call ends when there is another number of them, or by a StatusError. */
  receive(take: (message: Buffer) => void): void {
    const takePiece = createUnframer(this.#encoding);
    const takeFirst = (piece: Buffer) => {
      const [message, another] = takePiece(piece);
      if (another) throw new StatusError('UNIMPLEMENTED', 'The method takes one message.');
      if (!message) return;
      this.isReceived = true;
      take(message);
    };
    this.#stream.on('data', (piece: Buffer) => {
      if (!this.isReceived && !this.#isEnded) this.attempt(() => takeFirst(piece));
    });
    this.#stream.on('end', () => {
      if (!this.isReceived)
        this.end({ code: 'UNIMPLEMENTED', message: 'The method takes one message; there was none.' });
    });
  }

  /** All messages of the request, as they are asked for. Throws StatusError. */
  async *messages(): AsyncGenerator<Buffer> {
    const takePiece = createUnframer(this.#encoding);
    this.isReceived = true;
    for await (const piece of this.#stream) yield* takePiece(piece as Buffer);
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
    if (stream.headersSent || stream.destroyed || stream.closed) return;
    const headers: OutgoingHttpHeaders = {
      ':status': constants.HTTP_STATUS_OK,
      'content-type': 'application/grpc',
      'x-request-id': this.requestId,
    };
    if (this.#encoding) headers['grpc-accept-encoding'] = acceptedEncodings;
    stream.respond(headers, { waitForTrailers: true });
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
    this.#finish(ok, message && toFrame(message));
  }

  /** Ends the call with a status other than OK. */
  end(status: Status): void {
    this.#finish(toTrailers(status));
  }

  #finish(trailers: ReturnType<typeof toTrailers>, last?: Buffer): void {
    const stream = this.#stream;
    if (this.isGone) return;
    this.#isEnded = true;
    this.begin();
    stream.on('wantTrailers', () => {
      stream.sendTrailers(trailers);
      // What the client still sends is not wanted: said once the trailers are on their way.
      if (!this.isReceived) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
    });
    if (stream.writableNeedDrain) this.#cutAfter(lingerMs);
    if (last) stream.end(last);
    else stream.end();
  }

  #cutAfter(ms: number): void {
    const stream = this.#stream;
    const cut = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), ms).unref();
    stream.once('close', () => clearTimeout(cut));
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

function ignore(): void {}
