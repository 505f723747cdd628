import cors from '@fastify/cors';
import fp from 'fastify-plugin';

/** Lets web pages of these origins call the API from a browser; `*` stands for all. Without any, browsers are not told so. */
export const crossOrigin = fp<{ origins: readonly string[] }>(
  async (app, { origins }) => {
    if (origins.length === 0) return;
    await app.register(cors, {
      origin: origins.includes('*') ? '*' : [...origins],
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: ['etag', 'location', 'retry-after', 'ratelimit', 'ratelimit-policy', 'x-request-id'],
      maxAge: 600,
      // An OPTIONS without an Origin is no preflight, and gets the same answer.
      strictPreflight: false,
    });
  },
  { name: 'cross-origin' },
);
