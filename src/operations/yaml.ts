import { stringify } from 'yaml';

/** Without folding long lines: certificates stay in one piece, as kubectl writes them. */
export function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
