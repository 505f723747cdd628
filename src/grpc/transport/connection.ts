import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Exchange } from './exchange.ts';

/** In ms. */
export interface ConnectionTimes {
  /** How often it is looked for what has taken too long. */
  readonly lookEvery: number;
  /** The whole request must be there, and of several messages the next. */
  readonly receiveWithin: number;
  /** What has ended must be read by the client. */
  readonly linger: number;
  /** A connection without calls is closed. */
  readonly idle: number;
  readonly pingEvery: number;
  /** A client that does not answer a ping is gone. */
  readonly pingWithin: number;
}

export const usualTimes: ConnectionTimes = {
  lookEvery: 5000,
  // As over REST.
  receiveWithin: 30_000,
  linger: 5000,
  idle: 15 * 60_000,
  pingEvery: 60_000,
  pingWithin: 20_000,
};

/** A call by its stream and headers; undefined: it was refused. */
export type Accept = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => Exchange | undefined;

/** Serves the calls of one connection, and lets it go when it is idle for long, or its client is not there any more. */
export function serveConnection(session: ServerHttp2Session, accept: Accept, times: ConnectionTimes): void {
  const open = new Set<Exchange>();
  let idleSince = performance.now();
  session.on('stream', (stream, headers) => {
    const exchange = accept(stream, headers);
    if (!exchange) return;
    open.add(exchange);
    stream.once('close', () => {
      open.delete(exchange);
      idleSince = performance.now();
      exchange.closed();
    });
  });
  const looking = setInterval(() => {
    for (const exchange of open) exchange.endIfLate(times.receiveWithin, times.linger);
    if (open.size === 0 && !session.closed && performance.now() - idleSince > times.idle) close(session, times.linger);
  }, times.lookEvery).unref();
  const pinging = setInterval(() => ping(session, times.pingWithin), times.pingEvery).unref();
  session.once('close', () => {
    clearInterval(looking);
    clearInterval(pinging);
  });
}

/** Also where the client does not close its side. */
function close(session: ServerHttp2Session, lingerMs: number): void {
  session.close();
  setTimeout(() => session.destroy(), lingerMs).unref();
}

function ping(session: ServerHttp2Session, withinMs: number): void {
  if (session.destroyed) return;
  const dead = setTimeout(() => session.destroy(), withinMs).unref();
  session.ping(() => clearTimeout(dead));
}
