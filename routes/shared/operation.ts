import type { FastifyContextConfig, FastifyReply, FastifyRequest, preValidationHookHandler } from 'fastify';
import { principalOf } from '../../src/http/access.ts';
import type { App } from '../../src/http/app-instance.ts';
import { auditWith } from '../../src/http/audit-trail.ts';
import type { Answer, Call, Handle, OperationSchema } from '../../src/operations/operation.ts';
import type { Validity } from '../../src/tenancy/validity.ts';
import type { RouteDependencies } from '../dependencies.ts';
import { signalOf } from './request-signal.ts';

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

/** Adds operations as routes. Their handlers know nothing of HTTP, so that other protocols can call them too. */
export function operations(app: App, { untilInvalid }: RouteDependencies) {
  const by =
    (method: 'GET' | 'POST' | 'PATCH' | 'DELETE'): Add =>
    (url, { config, ...options }, handle) => {
      const erased = handle as unknown as Handle;
      app.route({
        method,
        url,
        ...(options as { schema: object }),
        config: { ...config, handle: erased },
        handler: async (request, reply) =>
          send(reply, await erased(callOf(request as FastifyRequest, reply as FastifyReply, untilInvalid))),
      });
    };
  return { get: by('GET'), post: by('POST'), patch: by('PATCH'), delete: by('DELETE') };
}

function callOf(request: FastifyRequest, reply: FastifyReply, untilInvalid: Validity): Call {
  const { params, query, body, headers } = request;
  const { operationId } = request.routeOptions.schema as OperationSchema;
  return {
    operationId,
    principal: principalOf(request),
    params,
    query,
    body,
    headers,
    signal: () => signalOf(request, reply, untilInvalid),
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
