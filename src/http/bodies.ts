import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../errors.ts';

/**
 * Reads JSON, and RFC 7396 merge patches; nothing else. An empty body counts as none, whatever its type is said to be, where
 * the route can do without: it takes none, or has a default, which then is the body.
 */
export const bodies = fp(
  async (app) => {
    app.removeContentTypeParser('text/plain');
    const parse = app.getDefaultJsonParser('error', 'error');
    const types = ['application/json', 'application/merge-patch+json'];
    app.addContentTypeParser<string>(types, { parseAs: 'string' }, (request, body, done) => {
      if (body === '' && canDoWithout(request)) return done(null, undefined);
      return parse(request, body, done);
    });
    // Of another type there is no body, as with `curl -X POST -d ''`, or one that is not read.
    app.addContentTypeParser<string>('*', { parseAs: 'string' }, (request, body, done) => {
      if (body === '' && canDoWithout(request)) return done(null, undefined);
      return done(new AppError('unsupported_media_type', 'Send JSON, with Content-Type: application/json.'));
    });
    app.addHook('preValidation', async (request) => {
      // A copy: the defaults of its fields are filled in there.
      if (request.body === undefined) request.body = structuredClone(schemaOf(request)?.default);
    });
  },
  { name: 'bodies' },
);

function canDoWithout(request: FastifyRequest): boolean {
  const schema = schemaOf(request);
  return !schema || schema.default !== undefined;
}

function schemaOf({ routeOptions }: FastifyRequest): { readonly default?: unknown } | undefined {
  return routeOptions.schema?.body as { readonly default?: unknown } | undefined;
}
