import { keyEnded } from '../tenancy/key-format.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { Validity } from '../tenancy/validity.ts';

/** What ends a request besides its client. */
export interface Endings {
  /** Aborts when the service stops. */
  readonly closing: AbortSignal;
  readonly untilInvalid: Validity;
}

/** The connection that the answer goes to: whether it is closed already, and how to hear of its close. */
export interface Connection {
  readonly isClosed: boolean;
  onClose(listener: () => void): void;
}

/**
 * The request signal. It aborts when nobody reads the answer any more: the client has disconnected, its key is no
 * longer valid, or the service stops. Waits and reads on behalf of the request end then. The reason is an AppError
 * where the client can still be told.
 */
export function requestSignal(
  principal: Principal,
  connection: Connection,
  { closing, untilInvalid }: Endings,
): AbortSignal {
  // The client may have disconnected during authentication: its event has then passed already.
  if (connection.isClosed) return AbortSignal.abort();
  const controller = new AbortController();
  const { signal } = controller;
  const stop = untilInvalid(principal, () => controller.abort(keyEnded()));
  const end = () => controller.abort(closing.reason);
  // However the signal aborts, no listener is left behind on what outlives the request.
  signal.addEventListener('abort', () => {
    stop();
    closing.removeEventListener('abort', end);
  });
  closing.addEventListener('abort', end);
  if (closing.aborted) end();
  connection.onClose(() => controller.abort());
  return signal;
}
