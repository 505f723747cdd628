import { randomUUID } from 'node:crypto';

/** The client's own request id where it is well-formed, so that its log and ours can be read together; else a new one. */
export function requestIdFrom(given: unknown): string {
  return typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : newRequestId();
}

export function newRequestId(): string {
  return `req-${randomUUID()}`;
}
