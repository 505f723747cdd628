import compress from '@fastify/compress';
import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import scalar from '@scalar/fastify-api-reference';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { registerRoutes } from '../routes/index.ts';
import { sharedSchemas } from '../routes/shared/shared-schemas.ts';
import { AppError } from './errors.ts';
import { checkAccess, provenFirst } from './http/access.ts';
import { keepAuditTrail } from './http/audit-trail.ts';
import { parseBodies } from './http/bodies.ts';
import { trackConnections } from './http/connections.ts';
import { answerUnknownRoutes } from './http/not-found.ts';
import { openapiOptions } from './http/openapi/options.ts';
import { noteOperations } from './http/operations.ts';
import { sendProblem } from './http/problem.ts';
import { answerRawErrors } from './http/raw-errors.ts';
import type { Once } from './operations/idempotency.ts';
import { requestIdFrom } from './operations/request-id.ts';
import { compileValidator } from './operations/validation.ts';
import type { ProjectRemoval } from './sandbox/project-removal.ts';
import type { SandboxService } from './sandbox/service.ts';
import type { UsageReport } from './schemas/usage.ts';
import type { Admit } from './tenancy/admission.ts';
import type { ApiKeys } from './tenancy/api-keys.ts';
import type { Audit } from './tenancy/audit.ts';
import type { Projects } from './tenancy/projects.ts';
import type { Validity } from './tenancy/validity.ts';
import type { Watch } from './watch/watch.ts';
import type { WebhookService } from './webhooks/service.ts';

export interface AppDependencies {
  readonly service: SandboxService;
  readonly watch: Watch;
  readonly projects: Projects;
  readonly removeProject: ProjectRemoval;
  readonly apiKeys: ApiKeys;
  readonly webhooks: WebhookService;
  readonly usage: (project: string, from: Date, to: Date) => Promise<UsageReport>;
  readonly audit: Audit;
  readonly once: Once;
  readonly admit: Admit;
  readonly untilInvalid: Validity;
  /** Origins of web pages that may call the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** Whose `X-Forwarded-For` is believed, as CIDRs. */
  readonly trustedProxies: readonly string[];
  /** Throws when the store does not answer. */
  readonly checkStore: () => Promise<void>;
  readonly logger: FastifyBaseLogger & { isLevelEnabled?: (level: string) => boolean };
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
const headerLimitBytes = 16 * 1024;
const requestTimeoutMs = 30_000;
const compressFromBytes = 2048;

/** Offline, and it calls the service that shows it. */
const docsOptions = { withDefaultFonts: false, telemetry: false, servers: [{ url: '/' }] };

/** The HTTP application; it listens nowhere yet. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const app = Fastify({
    loggerInstance: dependencies.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    http: {
      maxHeaderSize: headerLimitBytes,
      // Node's own minute for the headers would be taken for that of the whole request, as the longer of the two.
      headersTimeout: requestTimeoutMs,
      // Requests that are too slow are looked for as often as this; Node's own 30 s would double their time.
      connectionsCheckingInterval: 3000,
    },
    // Answered by a hook of ours, as the problem that it is.
    return503OnClosing: false,
    trustProxy: dependencies.trustedProxies.length > 0 ? [...dependencies.trustedProxies] : false,
    routerOptions: { maxParamLength: 128 },
    genReqId: ({ headers }) => requestIdFrom(headers['x-request-id']),
    // A logger for each request costs more than most requests: who logs names the request.
    childLoggerFactory: (logger) => logger,
    clientErrorHandler: answerRawErrors(dependencies.logger),
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply as never),
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(compileValidator);
  // Response schemas are for the document: to compile a serializer of each would take two seconds at every start.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(async (error, request, reply) =>
    sendProblem(await provenFirst(error, request, reply), request, reply as never),
  );
  for (const schema of sharedSchemas) app.addSchema(schema);
  const closing = new AbortController();
  app.addHook('onRequest', async (_request, reply) => {
    if (!closing.signal.aborted) return;
    reply.header('connection', 'close');
    throw closing.signal.reason;
  });
  parseBodies(app as unknown as FastifyInstance);
  // Browsers ask first, without a key.
  if (dependencies.corsOrigins.length > 0) await app.register(cors, corsOptions(dependencies.corsOrigins));
  // Before any other route is there: each is held to it.
  checkAccess(app as unknown as FastifyInstance, dependencies.admit);
  noteOperations(app as unknown as FastifyInstance);
  answerUnknownRoutes(app as unknown as FastifyInstance);
  await app.register(swagger, openapiOptions);
  await app.register(scalar, { routePrefix: '/docs', configuration: docsOptions });
  // Only what may be large: a stream that is compressed is held back until there is enough of it.
  app.addHook('onRoute', (route) => {
    if (!route.config?.compressed) route.compress = false;
  });
  await app.register(compress, { threshold: compressFromBytes, encodings: ['gzip', 'deflate'] });
  keepAuditTrail(app as unknown as FastifyInstance, dependencies.audit);
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    done();
    const { method, routeOptions } = request;
    // What changed something is in the audit log; what was refused tells of a client that needs help.
    const level = reply.statusCode < 400 ? 'debug' : 'info';
    if (!dependencies.logger.isLevelEnabled?.(level) || routeOptions.config.quiet) return;
    const subject = request.proven?.subject;
    const [path] = request.url.split('?', 1);
    const ms = Math.round(reply.elapsedTime);
    request.log[level](
      { reqId: request.id, method, path, status: reply.statusCode, ms, subject, address: request.ip },
      'answered',
    );
  });
  const letGo = trackConnections(app.server);
  app.addHook('preClose', async () => {
    letGo();
    closing.abort(new AppError('shutting_down', 'The service is stopping. Try again.', { retryAfterSeconds: 2 }));
  });
  const all: RouteDependencies = { ...dependencies, closing: closing.signal };
  await app.register(async (scope) => registerRoutes(scope as unknown as App, all));
  await app.ready();
  return app as unknown as App;
}

function corsOptions(origins: readonly string[]) {
  return {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders: ['etag', 'location', 'retry-after', 'ratelimit', 'ratelimit-policy', 'x-request-id'],
    maxAge: 600,
    // An OPTIONS without an Origin is no preflight, and gets the same answer.
    strictPreflight: false,
  };
}
