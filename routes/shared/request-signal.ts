import type { FastifyReply, FastifyRequest } from 'fastify';
import { principalOf } from '../../src/http/access.ts';
import { requestSignal } from '../../src/operations/request-signal.ts';
import type { Validity } from '../../src/tenancy/validity.ts';

const graceMs = 1000;

/** A signal that aborts when nobody reads the reply any more. */
export function signalOf(request: FastifyRequest, { raw }: FastifyReply, untilInvalid: Validity): AbortSignal {
  const connection = {
    isClosed: raw.destroyed || raw.closed,
    onClose: (listener: () => void) => void raw.once('close', listener),
  };
  return requestSignal(principalOf(request), connection, { closing: request.server.closing, untilInvalid });
}

/** Closes the connection of a client that does not read on after the signal: it cannot be told the end of the answer. */
export function closeAfter(signal: AbortSignal, { raw }: FastifyReply): void {
  const close = () => {
    if (!raw.writableFinished) raw.destroy();
  };
  signal.addEventListener('abort', () => void setTimeout(close, graceMs).unref(), { once: true });
}
