import { type Answer, answered } from '../../src/operations/operation.ts';
import { etag } from '../../src/resources/etag.ts';

/** An answer that names the version it is of. */
export function withEtag(
  resource: { resourceVersion: string },
  { status = 200, headers = {} }: Partial<Omit<Answer, 'body'>> = {},
): Answer {
  return answered(resource, { status, headers: { ...headers, etag: etag(resource.resourceVersion) } });
}
