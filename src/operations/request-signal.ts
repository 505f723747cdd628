import { keyEnded } from '../tenancy/key-format.ts';
import type { Principal } from '../tenancy/principal.ts';
import type { Validity } from '../tenancy/validity.ts';

export interface Endings {
  /** Aborts when the service stops. */
  readonly closing: AbortSignal;
  readonly untilInvalid: Validity;
}

/** The side of a call that reads: whether it has gone already, and how to hear of it. */
export interface Reader {
  readonly isGone: boolean;
  onGone(listener: () => void): void;
}

/**
 * Aborts when nobody reads any more: the client has gone, its key is no longer valid, or the service stops. What is
 * waited for or read for it ends then. The reason is an AppError where the client can still be told.
 */
export function readerGone(principal: Principal, reader: Reader, { closing, untilInvalid }: Endings): AbortSignal {
  // It may have gone while it was proven who asks: then there will be no event any more.
  if (reader.isGone) return AbortSignal.abort();
  const controller = new AbortController();
  const { signal } = controller;
  const stop = untilInvalid(principal, () => controller.abort(keyEnded()));
  const end = () => controller.abort(closing.reason);
  // Nothing more is waited for, also when the connection of one that does not read stays.
  signal.addEventListener('abort', () => {
    stop();
    closing.removeEventListener('abort', end);
  });
  closing.addEventListener('abort', end);
  if (closing.aborted) end();
  reader.onGone(() => controller.abort());
  return signal;
}
