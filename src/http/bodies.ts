import fp from 'fastify-plugin';

/** Reads JSON, and RFC 7396 merge patches; nothing else. An empty body counts as none where the route takes none. */
export const bodies = fp(
  async (app) => {
    app.removeContentTypeParser('text/plain');
    const parse = app.getDefaultJsonParser('error', 'error');
    const types = ['application/json', 'application/merge-patch+json'];
    app.addContentTypeParser<string>(types, { parseAs: 'string' }, (request, body, done) => {
      if (body === '' && !request.routeOptions.schema?.body) return done(null, undefined);
      return parse(request, body, done);
    });
  },
  { name: 'bodies' },
);
