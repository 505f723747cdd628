import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isAppError } from '../errors.ts';
import type { Handle, Prefetch } from '../operations/operation.ts';
import { asStoreError } from '../redis/connection.ts';
import type { Admit } from '../tenancy/admission.ts';
import type { NamedProject } from '../tenancy/authenticate.ts';
import type { NeededScope, Principal } from '../tenancy/principal.ts';
import { rateLimitHeaders } from '../tenancy/rate-limit.ts';

/** A route that does not say that it is public needs a key: what counts is the route, for one path can be spelled in many ways. */
export function checkAccess(app: FastifyInstance, admit: Admit): void {
  app.decorateRequest('proven', undefined as unknown as Principal);
  app.decorateRequest('prove', undefined);
  app.decorateRequest('isRecalled', false);
  app.decorateRequest('prefetched', undefined);
  app.addHook('onRoute', (route) => {
    // The page of the documentation comes from a plugin.
    if (/^\/docs(\/|$)/.test(route.url)) route.config = { ...route.config, public: true };
    if (!route.config?.public && !route.config?.scope) throw new Error(`the route ${route.url} names no scope`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const { config } = request.routeOptions;
    if (config.public || request.is404) return;
    // What will be read is asked for together with who asks: one way to the store instead of two.
    const reading = config.prefetch?.(request.params);
    reading?.catch(() => undefined);
    request.prefetched = reading;
    // A repeated request may be answered without a change, by what was stored of the first.
    const provesItself = config.provesItself && request.headers['idempotency-key'] === undefined;
    const { principal, isRecalled, prove, headers, refusal } = await admit(
      request.headers.authorization,
      projectsOf(request),
      config.scope,
      { provesItself },
    );
    request.proven = principal;
    request.isRecalled = isRecalled;
    // A body that is still on its way may come long after that, when the key is none any more.
    if (isRecalled || !request.raw.complete) request.prove = prove;
    reply.headers(headers);
    if (refusal) throw refusal;
  });
  app.addHook('preValidation', (request, _reply, done) => {
    if (!request.prove || request.isRecalled) return done();
    request.prove().then(() => {
      request.prove = undefined;
      done();
    }, done);
  });
}

/** What to answer where `error` would be: nothing is told to one of whom it is only recalled who he was. */
export async function provenFirst(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const refusal = await whyUnproven(error, request);
  if (refusal === null) return error;
  request.proven = undefined as unknown as Principal;
  for (const name of rateLimitHeaders) reply.removeHeader(name);
  return refusal;
}

/** Null where he is proven. */
async function whyUnproven(error: unknown, { prove, log, id }: FastifyRequest): Promise<unknown> {
  if (!prove) return null;
  // A store that does not answer would not answer that either.
  if (isAppError(asStoreError(error), 'store_unavailable')) return error;
  try {
    await prove();
    return null;
  } catch (refusal) {
    log.info({ reqId: id, err: error }, 'not told, for who asks is not proven');
    return refusal;
  }
}

const none: readonly NamedProject[] = [];

/** The projects that a request names, in its path and by its header: they have to be the same. Most name none. */
function projectsOf({ params, headers }: FastifyRequest): readonly NamedProject[] {
  const { project } = (params ?? {}) as { project?: string };
  const header = headers['sandplane-project'];
  if (project === undefined && header === undefined) return none;
  return [
    ...[project ?? []].flat().map((name) => ({ name, pointer: '#path/project' })),
    ...[header ?? []].flat().map((name) => ({ name, pointer: '#header/sandplane-project' })),
  ];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no key. */
    public?: boolean;
    /** Its answers may be large and are worth compressing. */
    compressed?: boolean;
    /** Asked for all the time by probes: not worth a line in the log. */
    quiet?: boolean;
    /** Begins to read what the route will answer. Nothing of it may be told before it is known who asks. */
    prefetch?: Prefetch;
    /** What it does, where other protocols have it too. */
    handle?: Handle;
    /** What the key must be allowed to do. */
    scope?: NeededScope;
    /** Where it succeeds, its change has proven who asks. */
    provesItself?: boolean;
  }
  interface FastifyRequest {
    /** Who asks; there on every route that is not public. */
    proven: Principal;
    /** Proves who asks, where that is still owed: nothing may be told before. */
    prove: (() => Promise<unknown>) | undefined;
    /** What the route does proves who asks; so far that is recalled. */
    isRecalled: boolean;
    prefetched: Promise<unknown> | undefined;
  }
}
