import { isOne, nothing, number, scriptCall, text } from '../script-call.ts';

/** Null when no port is free. */
export const leasePort = scriptCall('leasePort', {
  keys: { ports: text },
  arguments: { id: text, first: number, last: number, beginAt: number },
  reply: (port: number) => (port === 0 ? null : port),
});

export const releasePort = scriptCall('releasePort', {
  keys: { ports: text },
  arguments: { id: text, port: number },
  reply: nothing,
});

/** False when it is another's. */
export const takeHostLease = scriptCall('takeHostLease', {
  keys: { lease: text },
  arguments: { holder: text, ttlMs: number },
  reply: isOne,
});
