import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { AppError } from '../errors.ts';

/**
 * A key is `sandplane_<id>_<secret><checksum>`: a prefix that secret scanners can look for, 12 characters that find the
 * record, 43 random ones (256 bits), and the CRC-32 of all before it in base 62, so that a mistyped key is told from a
 * wrong one without asking the store. As a pattern: sandplane_[0-9a-z]{12}_[0-9A-Za-z]{49}
 */
const prefix = 'sandplane';
const pattern = /^sandplane_([0-9a-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export function newSecret(id: string): string {
  const random = Array.from({ length: 43 }, () => base62[randomInt(base62.length)]).join('');
  const body = `${prefix}_${id}_${random}`;
  return body + checksum(body);
}

/** Whether it begins as a key does. */
export function looksLikeKey(text: string): boolean {
  return text.startsWith(`${prefix}_`);
}

/** The id that a key names. Throws `key_malformed` and `key_checksum_mismatch`. */
export function parseKey(key: string): string {
  const [, id, secret, sum] = pattern.exec(key) ?? [];
  if (!id || !secret || !sum) {
    throw unacceptable('key_malformed', 'is not one: keys look like sandplane_<id>_<secret>, without a line break');
  }
  if (checksum(`${prefix}_${id}_${secret}`) === sum) return id;
  throw unacceptable('key_checksum_mismatch', 'has a wrong checksum: it was mistyped or cut off; copy it again');
}

/** What is stored of a key. Its 256 random bits need no slow hash: there is nothing to guess. */
export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

type KeyFault = 'key_malformed' | 'key_checksum_mismatch' | 'key_expired' | 'key_revoked';

export function unacceptable(code: KeyFault, detail: string): AppError {
  return new AppError(code, `The key ${detail}.`, { faults: [{ pointer: '#header/authorization', detail }] });
}

/** For a call that began with a valid key which has since been revoked or has expired. */
export function keyEnded(): AppError {
  return new AppError('key_revoked', 'The key is no longer valid.');
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < 6; i += 1) {
    digits = base62[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
