import { invalidField } from '../errors.ts';

/** The ETag of a resource version (RFC 9110, 8.8.3): strong, for each change makes another. */
export function etag(resourceVersion: string): string {
  return `"${resourceVersion}"`;
}

/** RFC 9110, 13.1.1: any of the listed tags, or `*`. Throws `precondition_failed`. */
export function checkMatch(resourceVersion: string, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  const current = etag(resourceVersion);
  if (tags.includes(current)) return;
  const detail = `The ETag is ${current} now. Read it again and decide again.`;
  throw invalidField('#header/if-match', detail, 'precondition_failed');
}
