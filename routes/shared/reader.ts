import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Endings, readerGone } from '../../src/operations/request-signal.ts';

const graceMs = 1000;

/** Aborts when nobody reads the reply any more. */
export function replyUnread(request: FastifyRequest, { raw }: FastifyReply, endings: Endings): AbortSignal {
  const reader = {
    isGone: raw.destroyed || raw.closed,
    onGone: (listener: () => void) => void raw.once('close', listener),
  };
  return readerGone(request.proven, reader, endings);
}

/** One that does not read on cannot be told the end: its connection is cut. */
export function cutWhenGone(gone: AbortSignal, { raw }: FastifyReply): void {
  const cut = () => {
    if (!raw.writableFinished) raw.destroy();
  };
  gone.addEventListener('abort', () => void setTimeout(cut, graceMs).unref(), { once: true });
}
