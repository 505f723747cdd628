import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../errors.ts';

interface Route {
  readonly methods: readonly string[];
  readonly path: RegExp;
}

/**
 * Answers what no route takes: by 405 with `Allow` (RFC 9110, 15.5.6) where the path has other methods, else by 404.
 * Before its body is read: whatever that is, it changes nothing.
 */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const literal = new Map<string, Set<string>>();
  const parametric: Route[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    const methods = [method].flat();
    if (url === '*') return;
    if (url.includes(':')) parametric.push({ methods, path: new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`) });
    else literal.set(url, new Set([...(literal.get(url) ?? []), ...methods]));
  });
  /** A path that a route spells out is that route's alone, though it also fits one with a parameter. */
  const methodsOf = (path: string): ReadonlySet<string> =>
    literal.get(path) ?? new Set(parametric.filter((route) => route.path.test(path)).flatMap((route) => route.methods));

  app.addHook('onRequest', async (request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    if (!request.is404 && !(request.routeOptions.url?.includes(':') && literal.has(path))) return;
    const methods = methodsOf(path);
    if (methods.size > 0) reply.header('allow', [...methods].sort().join(', '));
    throw unknown(request, path, methods);
  });
}

function unknown({ method }: FastifyRequest, path: string, methods: ReadonlySet<string>): AppError {
  const shown = path.slice(0, 200);
  if (methods.size === 0) return new AppError('not_found', `There is no ${method} ${shown}. See /docs.`);
  const allowed = [...methods].sort().join(', ');
  return new AppError('method_not_allowed', `${method} is not for ${shown}: it has ${allowed}. See /docs.`);
}
