import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../errors.ts';

interface Route {
  readonly methods: readonly string[];
  readonly path: RegExp;
}

/**
 * Answers a request that no route takes: by 405 with `Allow` (RFC 9110, 15.5.6) where the path has other methods,
 * else by 404. It does so before the body is read, whatever that is.
 */
export const notFound = fp(
  async (app) => {
    const literal = new Map<string, Set<string>>();
    const parametric: Route[] = [];
    app.addHook('onRoute', ({ url, method }) => {
      const methods = [method].flat();
      if (url === '*') return;
      if (url.includes(':')) parametric.push({ methods, path: new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`) });
      else literal.set(url, new Set([...(literal.get(url) ?? []), ...methods]));
    });
    /** A path that one route spells out, as /v1/sandboxes/watch, is not taken by a route with a parameter there. */
    const methodsOf = (path: string): ReadonlySet<string> =>
      literal.get(path) ??
      new Set(parametric.filter((route) => route.path.test(path)).flatMap((route) => route.methods));

    app.addHook('onRequest', async (request, reply) => {
      const [path = ''] = request.url.split('?', 1);
      const isParametric = request.routeOptions.url?.includes(':') ?? false;
      if (!request.is404 && !(isParametric && (literal.has(path) || hasEmptyPart(path)))) return;
      const methods = methodsOf(path);
      if (methods.size > 0) reply.header('allow', [...methods].sort().join(', '));
      throw unknown(request, path, methods, methodsOf);
    });
  },
  { name: 'not-found', dependencies: ['access'] },
);

type MethodsOf = (path: string) => ReadonlySet<string>;

function unknown(
  { method }: FastifyRequest,
  path: string,
  methods: ReadonlySet<string>,
  methodsOf: MethodsOf,
): AppError {
  const shown = path.slice(0, 200);
  const allowed = [...methods].sort().join(', ');
  if (allowed)
    return new AppError('method_not_allowed', `${method} is not for ${shown}: it has ${allowed}. See /docs.`);
  return new AppError('not_found', `There is no ${method} ${shown}${slashHint(path, methodsOf)}. See /docs.`);
}

/** A parameter would take such a part as an empty value. */
function hasEmptyPart(path: string): boolean {
  return /\/(\/|$)/.test(path);
}

/** What is right instead of a path with a slash too many, so that nobody has to guess. */
function slashHint(path: string, methodsOf: MethodsOf): string {
  let end = path.length;
  // Not by a regular expression: a long run of slashes in the middle would take it minutes.
  while (path[end - 1] === '/') end -= 1;
  const right = path.slice(0, end);
  if (right.includes('//')) return ': a part between two slashes is empty, as when a variable is not set';
  return right !== path && methodsOf(right).size > 0 ? `, but ${right}, without the slash at its end` : '';
}
