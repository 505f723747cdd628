import type { FastifyReply, FastifyRequest } from 'fastify';
import { principalOf } from '../../src/http/access.ts';
import type { App } from '../../src/http/app-instance.ts';
import { auditWith } from '../../src/http/audit-trail.ts';
import type { StoredAnswer } from '../../src/operations/idempotency.ts';
import type { Answer, Call, Handle, OperationSchema } from '../../src/operations/operation.ts';
import type { NeededScope } from '../../src/tenancy/principal.ts';
import type { Validity } from '../../src/tenancy/validity.ts';
import type { RouteDependencies } from '../dependencies.ts';
import { signalOf } from './request-signal.ts';

const jsonType = 'application/json; charset=utf-8';

interface RouteOptions<Schema> {
  readonly scope: NeededScope;
  /** Its answers may be large and are worth compressing. */
  readonly compressed?: boolean;
  readonly schema: Schema;
}

type Add = <const Schema extends OperationSchema>(
  path: string,
  options: RouteOptions<Schema>,
  handle: Handle<Schema>,
) => void;

/** A POST is idempotent by its Idempotency-Key: `seed` is the same for every repeat, and ids are made from it. */
type AddPost = <const Schema extends OperationSchema>(
  path: string,
  options: RouteOptions<Schema>,
  handle: (call: Call<Schema>, seed: string) => Promise<Answer>,
) => void;

/** Adds operations as routes. Their handlers know nothing of HTTP, so that other protocols can call them too. */
export function operations(app: App, { untilInvalid, runIdempotently }: RouteDependencies) {
  const by =
    (method: 'GET' | 'POST' | 'PATCH' | 'DELETE'): Add =>
    (url, { scope, compressed = false, ...options }, handle) => {
      const erased = handle as unknown as Handle;
      app.route({
        method,
        url,
        ...(options as { schema: object }),
        config: { scope, compressed, handle: erased },
        handler: async (request, reply) =>
          send(reply, await erased(callOf(request as FastifyRequest, reply as FastifyReply, untilInvalid))),
      });
    };
  const post: AddPost = (path, options, handle) =>
    by('POST')(path, options, async (call) => {
      const { operationId, principal, params, body } = call;
      const { 'idempotency-key': key } = call.headers as { 'idempotency-key'?: string };
      const request = [operationId, params, body];
      return await runIdempotently({ project: principal.project, key, request }, async (seed) =>
        toStored(await handle(call, seed)),
      );
    });
  return { get: by('GET'), post, patch: by('PATCH'), delete: by('DELETE') };
}

function toStored({ body, ...answer }: Answer): StoredAnswer {
  return { ...answer, body: typeof body === 'string' ? body : JSON.stringify(body) };
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
