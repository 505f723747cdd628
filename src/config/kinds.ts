import ipaddr from 'ipaddr.js';
import Type from 'typebox';
import { stringEnum } from '../schemas/common.ts';

/** What several settings share: schemas, and how the texts of variables are read and checked. */

export const oneOf = <const Words extends readonly string[]>(
  words: Words,
  description: string,
  fallback: Words[number],
) => stringEnum(words, { description, default: fallback });
export const text = (description: string, fallback?: string) =>
  Type.String({ description, minLength: 1, ...(fallback === undefined ? {} : { default: fallback }) });
export const list = (description: string) =>
  Type.String({ description: `${description}; separated by commas`, default: '' });
export const port = (description: string, fallback: number) =>
  Type.Integer({ description, default: fallback, minimum: 0, maximum: 65535 });
export const count = (description: string, fallback: number, minimum = 0, maximum = 1_000_000_000) =>
  Type.Integer({ description, default: fallback, minimum, maximum });

export function splitList(value: string): string[] {
  return value
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
}

export function cidrFaults(ranges: string): string[] {
  // Else 10/8 would be read as 0.0.0.10/8.
  const isRange = (range: string) => ipaddr.IPv4.isValidCIDRFourPartDecimal(range) || ipaddr.IPv6.isValidCIDR(range);
  const wrong = splitList(ranges).filter((range) => !isRange(range));
  return wrong.map((range) => `${range} is not a CIDR, as 10.0.0.0/8 or fd00::/8`);
}

export function parseRange(value: string): { first: number; last: number } {
  const [first = 0, last = 0] = value.split('-').map(Number);
  return { first, last };
}

export function rangeFaults(value: string): string[] {
  const { first, last } = parseRange(value);
  if (/^\d+-\d+$/.test(value) && first >= 1024 && last <= 65535 && first <= last) return [];
  return ['must be first-last within 1024-65535, as 20000-29999'];
}

export function pausesFaults(value: string): string[] {
  if (/^\d{1,6}(\.\d{1,3})?(,\d{1,6}(\.\d{1,3})?){0,99}$/.test(value)) return [];
  return ['must be seconds, separated by commas: at most 100 of them, each at most 999999, as 5,30,120'];
}

export function redisPrefixFaults(value: string): string[] {
  return /^[a-zA-Z0-9_-]{1,64}$/.test(value) ? [] : ['must be 1 to 64 characters of a-z, A-Z, 0-9, "_" and "-"'];
}

/** It is sent in a header, as a token without spaces. */
export function adminKeyFaults(value: string): string[] {
  return /^[\x21-\x7e]{16,}$/.test(value) ? [] : ['must have at least 16 characters, without spaces, of ASCII'];
}

export function secretKeyFaults(value: string): string[] {
  if (/^([0-9a-f]{64}|[a-z0-9+/_-]{43}=?)$/i.test(value)) return [];
  return ['must be 32 bytes in base64 or hex: openssl rand -base64 32'];
}
