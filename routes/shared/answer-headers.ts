import Type from 'typebox';

/** Headers of answers, each by the name that the document has it under. */
const header = (title: string, description: string, example: string) =>
  Type.String({ title, description, examples: [example] });

export const requestIdHeader = {
  'X-Request-Id': header(
    'X-Request-Id',
    'names the request in the log: that of the client if it sent one',
    'req-1b4e28ba-2fa1-41d2-883f-0016d3cca427',
  ),
};

export const rateLimitHeaders = {
  RateLimit: header(
    'RateLimit',
    'draft-ietf-httpapi-ratelimit-headers-10: requests left (r) and seconds until there are all again (t)',
    '"requests";r=5999;t=60',
  ),
  'RateLimit-Policy': header(
    'RateLimit-Policy',
    'the limit of requests: how many (q) in how many seconds (w)',
    '"requests";q=6000;w=60',
  ),
};

export const retryAfterHeader = {
  'Retry-After': Type.Integer({
    title: 'Retry-After',
    description: 'after so many seconds it is worth another try; not sent where nobody can say',
    format: 'int32',
    minimum: 0,
    examples: [1],
  }),
};

export const authenticateHeader = {
  'WWW-Authenticate': header('WWW-Authenticate', 'how to prove who asks (RFC 9110)', 'Bearer'),
};

export const etagHeader = { ETag: header('ETag', 'of this version, for If-Match', '"7"') };

export const locationHeader = {
  Location: header('Location', 'the path of what was made', '/v1/sandboxes/sb-4k2x9q7m3v8t1c6z0w5y'),
};

export const noStoreHeader = {
  'Cache-Control': header('Cache-Control', 'it holds a secret or never ends: not to be kept', 'no-store'),
};

export const varyHeader = { Vary: header('Vary', 'what the answer depends on besides the path', 'accept') };
