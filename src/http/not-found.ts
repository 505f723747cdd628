import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../errors.ts';

/** Answers what no route takes: by 405 with `Allow` (RFC 9110, 15.5.6) where the path has other methods, else by 404. */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const routes: { methods: readonly string[]; path: RegExp }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    if (url === '*') return;
    routes.push({ methods: [method].flat(), path: new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`) });
  });
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const [path = ''] = request.url.split('?', 1);
    const methods = new Set(routes.filter((route) => route.path.test(path)).flatMap((route) => route.methods));
    if (methods.size === 0) {
      throw new AppError('not_found', `There is no ${request.method} ${path.slice(0, 200)}. See /docs.`);
    }
    const allowed = [...methods].sort().join(', ');
    reply.header('allow', allowed);
    throw new AppError('method_not_allowed', `${request.method} is not for ${path}: it has ${allowed}. See /docs.`);
  });
}
