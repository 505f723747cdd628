import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Admit } from '../tenancy/admission.ts';
import type { NamedProject } from '../tenancy/authenticate.ts';
import type { NeededScope, Principal } from '../tenancy/principal.ts';
import { rateLimitHeaders } from '../tenancy/rate-limit.ts';

/**
 * Authenticates each request before its body is read, counts it, and checks the scope that its route names. A route
 * that does not say that it is public needs a key. The route decides this and not the path, for one path can be
 * spelled in many ways.
 */
export const access = fp<{ admit: Admit }>(
  async (app, { admit }) => {
    app.decorateRequest('principal', undefined);
    app.decorateRequest('authenticateAgain', undefined);
    app.addHook('onRoute', (route) => {
      // The page of the documentation comes from a plugin, whose routes have no config of ours.
      if (/^\/docs(\/|$)/.test(route.url)) route.config = { ...route.config, public: true };
      if (!route.config?.public && !route.config?.scope) throw new Error(`the route ${route.url} names no scope`);
    });
    app.addHook('onRequest', async (request, reply) => {
      const { config } = request.routeOptions;
      if (config.public || request.is404) return;
      const admission = await admit(request.headers.authorization, projectsOf(request), config.scope);
      request.principal = admission.principal;
      reply.headers(admission.headers);
      // A body that is still on its way may be complete long after this, when the key has been revoked.
      if (!request.raw.complete) request.authenticateAgain = admission.authenticateAgain;
      if (admission.refusal) throw admission.refusal;
    });
    app.addHook('preValidation', async (request, reply) => {
      try {
        if (request.authenticateAgain) request.principal = await request.authenticateAgain();
      } catch (error) {
        // From here on it is as if the caller had never been authenticated.
        request.principal = undefined;
        for (const name of rateLimitHeaders) reply.removeHeader(name);
        throw error;
      }
    });
  },
  // Browsers ask without a key what they may send, and have to be allowed to read a refusal as well.
  { name: 'access', dependencies: ['closing', 'cross-origin'] },
);

/** The caller of a route that is not public. */
export function principalOf({ principal, routeOptions }: FastifyRequest): Principal {
  if (!principal) throw new Error(`the route ${routeOptions.url} is public: it has no principal`);
  return principal;
}

/** The projects that a request names, in its path and by its header: they have to be the same. */
function projectsOf({ params, headers }: FastifyRequest): readonly NamedProject[] {
  const { project } = (params ?? {}) as { project?: string };
  const header = headers['sandplane-project'];
  return [
    ...[project ?? []].flat().map((name) => ({ name, pointer: '#path/project' })),
    ...[header ?? []].flat().map((name) => ({ name, pointer: '#header/sandplane-project' })),
  ];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no key. */
    public?: boolean;
    /** What the key must be allowed to do. */
    scope?: NeededScope;
  }
  interface FastifyRequest {
    /** The authenticated caller; undefined on public routes. */
    principal: Principal | undefined;
    /** Set while the body was not complete when the request was authenticated. */
    authenticateAgain: (() => Promise<Principal>) | undefined;
  }
}
