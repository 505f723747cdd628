import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

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
      const schema = schemaOf(request);
      if (body === '' && (!schema || schema.default !== undefined)) return done(null, undefined);
      return parse(request, body, done);
    });
    app.addHook('preValidation', async (request) => {
      // A copy: the defaults of its fields are filled in there.
      if (request.body === undefined) request.body = structuredClone(schemaOf(request)?.default);
    });
  },
  { name: 'bodies' },
);

function schemaOf({ routeOptions }: FastifyRequest): { readonly default?: unknown } | undefined {
  return routeOptions.schema?.body as { readonly default?: unknown } | undefined;
}
