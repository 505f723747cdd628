import type { FastifyReply } from 'fastify';

/** Aborts when the client goes away or the service stops, so that nobody waits or reads for it any more. */
export function hungUp(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return AbortSignal.any([controller.signal, closing]);
}
