import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import type { Audit, AuditedWith, AuditNote } from '../tenancy/audit.ts';

/** Longer than any path of a route with ids that could exist. */
const longestTarget = 200;
const readOnly: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Writes each call that changes something into the audit log of its project, before it is answered. */
export function keepAuditTrail(app: FastifyInstance, audit: Audit): void {
  app.decorateRequest('failedWith', undefined);
  app.decorateRequest('auditedProject', undefined);
  app.decorateRequest('isAudited', false);
  app.addHook('onSend', (request, reply, _payload, done) => {
    // Who is not known has no project and no log; one that was turned away by the rate limit has done nothing.
    if (readOnly.has(request.method) || !request.proven || request.failedWith === 'rate_limited') return done();
    if (request.isAudited && request.failedWith === undefined) return done();
    const note = noteOf(request, reply);
    audit.append(request.auditedProject ?? request.proven.projectUid, note).then(
      () => done(),
      (error: unknown) => {
        // The call itself is done: the log of the service has it at least.
        request.log.error({ reqId: request.id, err: error, audit: note }, 'audit entry not stored');
        done();
      },
    );
  });
}

/** The entry of a call that will succeed, for a change that takes it along: written with it, it cannot be lost. */
export function auditWith(request: FastifyRequest, answer: { status: number; target: string }): AuditedWith {
  request.isAudited = true;
  const note = { ...callOf(request), ...answer, code: null, result: 'done' as const };
  return { projectUid: request.proven.projectUid, note };
}

function noteOf(request: FastifyRequest, reply: FastifyReply): AuditNote {
  const { statusCode: status } = reply;
  return {
    ...callOf(request),
    target: String(reply.getHeader('location') ?? request.url.split('?', 1)[0]).slice(0, longestTarget),
    status,
    code: request.failedWith ?? null,
    result: status < 400 ? 'done' : status < 500 ? 'refused' : 'failed',
  };
}

function callOf(request: FastifyRequest) {
  const { subject, name } = request.proven;
  const { operationId } = (request.routeOptions.schema ?? {}) as { operationId?: string };
  return {
    subject,
    name,
    address: request.ip,
    operation: operationId ?? `${request.method} ${request.routeOptions.url ?? 'unknown'}`,
    requestId: request.id,
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the problem that the request was answered with. */
    failedWith: ErrorCode | undefined;
    /** The uid of the project whose log has the call, where it is not the caller's. */
    auditedProject: string | undefined;
    /** Its entry is written with its change. */
    isAudited: boolean;
  }
}
