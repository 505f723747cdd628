import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import scalar from '@scalar/fastify-api-reference';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import type { RouteDependencies } from '../routes/dependencies.ts';
import { routes } from '../routes/index.ts';
import { access } from './http/access.ts';
import type { App } from './http/app-instance.ts';
import { auditTrail } from './http/audit-trail.ts';
import { bodies } from './http/bodies.ts';
import { closing } from './http/closing.ts';
import { compression } from './http/compression.ts';
import { crossOrigin } from './http/cross-origin.ts';
import { notFound } from './http/not-found.ts';
import { openapiOptions } from './http/openapi/options.ts';
import { operationsRegistry } from './http/operations-registry.ts';
import { problems, sendProblem } from './http/problem.ts';
import { answerRawErrors } from './http/raw-errors.ts';
import { requestLog } from './http/request-log.ts';
import { limitConnections } from './operations/connection-limits.ts';
import type { RefusalLog } from './operations/refusal-log.ts';
import { requestIdFrom } from './operations/request-id.ts';
import { compileValidator } from './operations/validation.ts';
import type { Admit } from './tenancy/admission.ts';

export interface AppDependencies extends RouteDependencies {
  readonly admit: Admit;
  /** Origins of web pages that may call the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** Whose `X-Forwarded-For` is believed, as CIDRs. */
  readonly trustedProxies: readonly string[];
  /** Of all clients together. */
  readonly mostConnections: number;
  readonly logger: FastifyBaseLogger;
  readonly logRefusal: RefusalLog;
}

const bodyLimitBytes = 64 * 1024;
const headerLimitBytes = 16 * 1024;
const requestTimeoutMs = 30_000;

/** Offline, and it calls the service that shows it. */
const docsOptions = { withDefaultFonts: false, telemetry: false, servers: [{ url: '/' }] };

/** The HTTP application; it listens nowhere yet. Each plugin names those that have to be registered before it. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { admit, audit, corsOrigins, mostConnections: most, trustedProxies, logRefusal } = dependencies;
  const app = createInstance(dependencies);
  limitConnections(app.server, { most, trustedProxies });
  app.setValidatorCompiler(compileValidator);
  // Response schemas are for the document: to compile a serializer of each would take two seconds at every start.
  app.setSerializerCompiler(() => JSON.stringify);
  app.register(problems, { logRefusal });
  app.register(closing);
  app.register(bodies);
  app.register(crossOrigin, { origins: corsOrigins });
  app.register(access, { admit });
  app.register(notFound);
  app.register(operationsRegistry);
  app.register(swagger, openapiOptions);
  app.register(scalar, { routePrefix: '/docs', configuration: docsOptions });
  app.register(compression);
  app.register(auditTrail, { audit });
  app.register(requestLog);
  app.register(routes, dependencies);
  await app.ready();
  return app;
}

function createInstance({ logger, trustedProxies, logRefusal }: AppDependencies): App {
  return Fastify({
    loggerInstance: logger,
    // Requests are logged by a plugin of ours.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    http: {
      maxHeaderSize: headerLimitBytes,
      // Node's own minute for the headers would be taken for that of the whole request, as the longer of the two.
      headersTimeout: requestTimeoutMs,
      // How often requests that are too slow are looked for, in ms; Node's own 30 s would double their time.
      connectionsCheckingInterval: 3000,
    },
    // Answered by the plugin `closing`, as the problem that it is.
    return503OnClosing: false,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    routerOptions: { maxParamLength: 128 },
    genReqId: ({ headers }) => requestIdFrom(headers['x-request-id']),
    clientErrorHandler: answerRawErrors(logger, logRefusal),
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
  }).withTypeProvider<TypeBoxTypeProvider>();
}
