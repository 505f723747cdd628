import type { FastifyContextConfig, FastifyReply, FastifyRequest, preValidationHookHandler } from 'fastify';
import type { App, RouteDependencies } from '../../src/app.ts';
import { auditWith } from '../../src/http/audit-trail.ts';
import type { Answer, Call, Handle, OperationSchema } from '../../src/operations/operation.ts';
import { replyUnread } from './reader.ts';

const jsonType = 'application/json; charset=utf-8';

interface RouteOptions<Schema> {
  readonly config: FastifyContextConfig;
  readonly schema: Schema;
  readonly preValidation?: preValidationHookHandler;
}

/** Adds a route. */
type Add = <const Schema extends OperationSchema>(
  path: string,
  options: RouteOptions<Schema>,
  handle: Handle<Schema>,
) => void;

/** Adds operations as routes: what they do knows nothing of HTTP, so that other protocols have it too. */
export function operations(app: App, dependencies: RouteDependencies) {
  const by =
    (method: 'GET' | 'POST' | 'PATCH' | 'DELETE'): Add =>
    (url, { config, ...options }, handle) => {
      const erased = handle as unknown as Handle;
      app.route({
        method,
        url,
        ...(options as { schema: object }),
        config: { ...config, handle: erased },
        handler: async (request, reply) => {
          const answer = await erased(callOf(request as FastifyRequest, reply as FastifyReply, dependencies));
          // What such an operation has done, it has done for a key that is right.
          request.prove = undefined;
          return send(reply, answer);
        },
      });
    };
  return { get: by('GET'), post: by('POST'), patch: by('PATCH'), delete: by('DELETE') };
}

function callOf(request: FastifyRequest, reply: FastifyReply, dependencies: RouteDependencies): Call {
  const { params, query, body, headers } = request;
  const { operationId } = request.routeOptions.schema as OperationSchema;
  return {
    operationId,
    proven: request.proven,
    params,
    query,
    body,
    headers,
    prefetched: request.prefetched,
    gone: () => replyUnread(request, reply, dependencies),
    audited: (answer) => auditWith(request, answer),
    auditIn(projectUid) {
      request.auditedProject = projectUid;
    },
  };
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  reply.status(status).headers(headers);
  if (body === null) return reply.send();
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return reply.type(jsonType).serializer(asItIs).send(text);
}

function asItIs(text: string): string {
  return text;
}
