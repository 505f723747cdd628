import type { FastifyReply } from 'fastify';

/** Aborts when the client goes away before it was answered, so that nobody waits or reads for it any more. */
export function hungUp(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
