import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../src/errors.ts';
import type { Validity } from '../src/tenancy/validity.ts';

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
  const stop = untilInvalid(request.proven, () =>
    controller.abort(new AppError('key_revoked', 'The key is no longer valid.')),
  );
  const end = () => controller.abort(closing.reason);
  if (closing.aborted) end();
  closing.addEventListener('abort', end);
  reply.raw.once('close', () => {
    stop();
    closing.removeEventListener('abort', end);
    controller.abort();
  });
  return controller.signal;
}
