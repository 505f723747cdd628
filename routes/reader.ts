import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../src/errors.ts';
import type { Validity } from '../src/tenancy/validity.ts';

const graceMs = 1000;

/**
 * Aborts when nobody reads any more: the client has gone, its key is no longer valid, or the service stops. What is
 * waited for or read for it ends then.
 */
export function readerGone(
  request: FastifyRequest,
  reply: FastifyReply,
  { closing, untilInvalid }: { closing: AbortSignal; untilInvalid: Validity },
): AbortSignal {
  const controller = new AbortController();
  const { raw } = reply;
  // It may have gone while it was proven who asks: then there will be no event any more.
  if (raw.destroyed || raw.closed) return AbortSignal.abort();
  const stop = untilInvalid(request.proven, () =>
    controller.abort(new AppError('key_revoked', 'The key is no longer valid.')),
  );
  const end = () => controller.abort(closing.reason);
  if (closing.aborted) end();
  closing.addEventListener('abort', end);
  raw.once('close', () => {
    stop();
    closing.removeEventListener('abort', end);
    controller.abort();
  });
  return controller.signal;
}

/** One that does not read on cannot be told the end: its connection is cut. */
export function cutWhenGone(gone: AbortSignal, { raw }: FastifyReply): void {
  const cut = () => {
    if (!raw.writableFinished) raw.destroy();
  };
  gone.addEventListener('abort', () => void setTimeout(cut, graceMs).unref(), { once: true });
}
