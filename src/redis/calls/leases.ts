import { isOne, number, scriptCall, text } from '../script-call.ts';

/** Null when all of them are leased. */
export const findPort = scriptCall('findPort', {
  keys: { ports: text },
  arguments: { first: number, last: number, beginAt: number, most: number },
  reply: (port: number) => (port === 0 ? null : port),
});

/** False when it is another's. */
export const takeHostLease = scriptCall('takeHostLease', {
  keys: { lease: text },
  arguments: { holder: text, ttlMs: number },
  reply: isOne,
});
