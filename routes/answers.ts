import type { TSchema } from 'typebox';
import { type ErrorCode, errorTable } from '../src/errors.ts';
import { ref } from '../src/schemas/common.ts';
import { Problem } from '../src/schemas/problem.ts';

/** The one project until there are many. */
export const defaultProject = 'default';

/** Every answer that a route gives: its own, and a problem for each code it may fail with. */
export function answers<Own extends Record<number, TSchema>>(own: Own, ...codes: ErrorCode[]) {
  const always: ErrorCode[] = ['unauthenticated', 'internal', 'store_unavailable'];
  const problems: Record<number, TSchema> = {};
  for (const status of new Set([...codes, ...always].map((code) => errorTable[code].http))) {
    const titles = [...codes, ...always].filter((code) => errorTable[code].http === status);
    problems[status] = problem(titles.map((code) => `${errorTable[code].title} (\`${code}\`)`).join('; '));
  }
  return { ...problems, ...own };
}

function problem(description: string): TSchema {
  return { description, content: { 'application/problem+json': { schema: ref(Problem) } } } as TSchema;
}

/** The header fields that tell a client what it got. */
export function etag(resourceVersion: string): string {
  return `"${resourceVersion}"`;
}
