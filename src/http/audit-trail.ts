import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import type { Audit, AuditNote } from '../tenancy/audit.ts';

const readOnly: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Writes each call that changes something into the audit log of its project, before it is answered. */
export function keepAuditTrail(app: FastifyInstance, audit: Audit): void {
  app.decorateRequest('failedWith', undefined);
  app.decorateRequest('auditedProject', undefined);
  app.addHook('onSend', (request, reply, _payload, done) => {
    // Who is not known has no project and no log; one that was turned away by the rate limit has done nothing.
    if (readOnly.has(request.method) || !request.proven || request.failedWith === 'rate_limited') return done();
    const note = noteOf(request, reply);
    audit.append(request.auditedProject ?? request.proven.projectUid, note).then(
      () => done(),
      (error: unknown) => {
        // The call itself is done: the log of the service has it at least.
        request.log.error({ err: error, audit: note }, 'audit entry not stored');
        done();
      },
    );
  });
}

function noteOf(request: FastifyRequest, reply: FastifyReply): AuditNote {
  const { subject, name } = request.proven;
  const { statusCode: status } = reply;
  const { operationId } = (request.routeOptions.schema ?? {}) as { operationId?: string };
  return {
    subject,
    name,
    address: request.ip,
    operation: operationId ?? `${request.method} ${request.routeOptions.url ?? 'unknown'}`,
    target: String(reply.getHeader('location') ?? request.url.split('?', 1)[0]),
    status,
    code: request.failedWith ?? null,
    result: status < 400 ? 'done' : status < 500 ? 'refused' : 'failed',
    requestId: request.id,
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the problem that the request was answered with. */
    failedWith: ErrorCode | undefined;
    /** The uid of the project whose log has the call, where it is not the caller's. */
    auditedProject: string | undefined;
  }
}
