import { createHash, timingSafeEqual } from 'node:crypto';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import scalar from '@scalar/fastify-api-reference';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { registerRoutes } from '../routes/index.ts';
import { AppError } from './errors.ts';
import { openapiInfo } from './openapi.ts';
import { sendProblem } from './problem.ts';
import type { Answer } from './sandbox/idempotency.ts';
import type { SandboxService } from './sandbox/service.ts';
import { Problem } from './schemas/problem.ts';
import { Sandbox, SandboxCreate, SandboxList, SandboxPatch } from './schemas/sandbox.ts';
import { VersionList } from './schemas/version.ts';
import { compileValidator } from './validation.ts';

export interface AppDependencies {
  readonly service: SandboxService;
  readonly once: (
    request: { project: string; key: string; body: unknown; newId: () => string },
    work: (sandboxId: string) => Promise<Answer>,
  ) => Promise<Answer>;
  readonly adminKey: string;
  /** Throws when the store does not answer. */
  readonly checkStore: () => Promise<void>;
  readonly logger: FastifyBaseLogger;
}

/** What the routes get: a signal that ends long polls and streams when the service stops. */
export type RouteDependencies = AppDependencies & { readonly closing: AbortSignal };

export type App = FastifyInstance<
  import('node:http').Server,
  import('node:http').IncomingMessage,
  import('node:http').ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

const bodyLimitBytes = 64 * 1024;

/** The HTTP application; it listens nowhere yet. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const app = Fastify({
    loggerInstance: dependencies.logger,
    bodyLimit: bodyLimitBytes,
    requestTimeout: 30_000,
    return503OnClosing: true,
    routerOptions: { maxParamLength: 64 },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(compileValidator);
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw new AppError('not_found', `There is no ${request.method} ${request.url.split('?', 1)[0]}. See /docs.`);
  });
  for (const schema of [Problem, Sandbox, SandboxList, SandboxCreate, SandboxPatch, VersionList]) app.addSchema(schema);
  // RFC 7396 merge patches have a media type of their own.
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
  await app.register(swagger, openapiInfo);
  await app.register(scalar, { routePrefix: '/docs', configuration: { withDefaultFonts: false, telemetry: false } });
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.public || !request.url.startsWith('/v1')) return;
    authenticate(request.headers.authorization, dependencies.adminKey);
  });
  app.addHook('onSend', async (request, reply) => void reply.header('x-request-id', request.id));
  const closing = new AbortController();
  app.addHook('preClose', async () => {
    closing.abort(new AppError('shutting_down', 'The service is stopping. Try again.', { retryAfterSeconds: 2 }));
  });
  const all: RouteDependencies = { ...dependencies, closing: closing.signal };
  await app.register(async (scope) => registerRoutes(scope as unknown as App, all));
  await app.ready();
  return app as unknown as App;
}

/** Compared by digests of equal length, in constant time. */
function authenticate(header: string | undefined, key: string): void {
  const given = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? '';
  const digest = (text: string) => createHash('sha256').update(text).digest();
  if (timingSafeEqual(digest(given), digest(key))) return;
  throw new AppError('unauthenticated', 'Send the header "Authorization: Bearer <key>" with a valid key.');
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no key. */
    public?: boolean;
  }
}
