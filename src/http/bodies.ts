import type { FastifyInstance } from 'fastify';

/** JSON, and RFC 7396 merge patches; nothing else. A body that is empty is none, where none is asked for. */
export function parseBodies(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain');
  const parse = app.getDefaultJsonParser('error', 'error');
  const types = ['application/json', 'application/merge-patch+json'];
  app.addContentTypeParser<string>(types, { parseAs: 'string' }, (request, body, done) => {
    if (body === '' && !request.routeOptions.schema?.body) return done(null, undefined);
    return parse(request, body, done);
  });
}
