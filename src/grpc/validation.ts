import type { Operation } from '../operations/operation.ts';
import { compileValidator } from '../operations/validation.ts';
import type { Parts } from './requests.ts';

/** Checks what was sent by the rules that REST has, and fills in the defaults. Throws `validation_failed`. */
export type Validate = (parts: Parts) => void;

const requestParts = ['params', 'querystring', 'headers', 'body'] as const;

export function validatorOf({ schema, method, path: url }: Operation): Validate {
  const checks = requestParts.flatMap((httpPart) => {
    const part = schema[httpPart];
    if (!part) return [];
    const check = compileValidator({ schema: part, httpPart, method, url });
    return [(parts: Parts) => check(parts[httpPart])];
  });
  return (parts) => {
    for (const check of checks) {
      const found = check(parts) as { error?: Error };
      if (found.error) throw found.error;
    }
  };
}
