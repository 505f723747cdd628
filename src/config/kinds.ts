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

export function cidrFaults(value: string): string[] {
  const wrong = splitList(value).filter((range) => !ipaddr.isValidCIDR(range));
  return wrong.map((range) => `${range} is not a CIDR, as 10.0.0.0/8 or fd00::/8`);
}

export function parseRange(value: string): { first: number; last: number } {
  const [first = 0, last = 0] = value.split('-').map(Number);
  return { first, last };
}

export function rangeFaults(value: string): string[] {
  const { first, last } = parseRange(value);
  if (first >= 1024 && last <= 65535 && first <= last) return [];
  return ['must be first-last within 1024-65535, as 20000-29999'];
}
