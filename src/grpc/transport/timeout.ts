import { StatusError } from './status.ts';

const unitsInMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** The header `grpc-timeout` in ms; undefined: the call has none. Throws StatusError. */
export function toTimeoutMs(header: unknown): number | undefined {
  if (header === undefined) return undefined;
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(header)) ?? [];
  const unitMs = unitsInMs[unit];
  if (unitMs === undefined) throw new StatusError('INTERNAL', 'grpc-timeout is up to 8 digits and one of HMSmun.');
  return Number(digits) * unitMs;
}
