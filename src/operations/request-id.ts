import { randomUUID } from 'node:crypto';

/** That of the client where it sends a plain one, so that its log and ours can be read together. */
export function requestIdFrom(given: unknown): string {
  return typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : newRequestId();
}

export function newRequestId(): string {
  return `req-${randomUUID()}`;
}
