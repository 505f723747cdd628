import type { ErrorCode } from '../errors.ts';

/*
 * Logs are on the host of the sandbox; an API process reaches it through Redis only. A request goes out on the host's
 * channel, chunks of the log come back on a channel of the request.
 */

/** At most so many chunks are sent before the reader asks for more, which it does after half of them. */
export const maxUnread = 16;
/** The reader says so often that it is there, and the host answers. */
export const aliveEveryMs = 5000;
/** After so long without a message, each side takes the other for dead. */
export const silenceMs = 3 * aliveEveryMs;

/** Which log to read, and what of it. */
export interface LogSelection {
  readonly sandboxId: string;
  readonly component: string;
  /** How many lines from the end. */
  readonly tail: number;
  /** Whether to go on with what is written from now on. */
  readonly follow: boolean;
}

export type LogRequest = { readonly requestId: string } & LogRequestBody;

export type LogRequestBody =
  | ({ readonly kind: 'open' } & LogSelection)
  | { readonly kind: 'more' }
  | { readonly kind: 'alive' }
  | { readonly kind: 'close' };

export type LogReply =
  /** In base64. The first chunk is empty: it says that the log is open. */
  | { readonly kind: 'chunk'; readonly data: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'alive' }
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly message: string };
