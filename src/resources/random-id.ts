import { hash, randomInt } from 'node:crypto';

/** Random characters of [0-9a-z]; 20 of them are 103 bits. 36 to the 9th is the largest power that `randomInt` takes. */
export function randomId(length: number): string {
  if (length > 9) return randomId(9) + randomId(length - 9);
  return randomInt(36 ** length)
    .toString(36)
    .padStart(length, '0');
}

/** A UUID (RFC 9562, version 8) that follows from its seed. */
export function uuidOf(seed: string): string {
  const hex = hash('sha256', seed);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
