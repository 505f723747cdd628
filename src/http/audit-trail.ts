import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import { type Audit, type AuditedCall, type AuditedWith, type AuditNote, auditNote } from '../tenancy/audit.ts';

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
  return { projectUid: request.proven.projectUid, note: auditNote(callerOf(request), { ...answer, code: null }) };
}

function noteOf(request: FastifyRequest, reply: FastifyReply): AuditNote {
  const target = String(reply.getHeader('location') ?? request.url.split('?', 1)[0]);
  return auditNote(callerOf(request), { target, status: reply.statusCode, code: request.failedWith ?? null });
}

function callerOf(request: FastifyRequest): AuditedCall {
  const { operationId } = (request.routeOptions.schema ?? {}) as { operationId?: string };
  return {
    principal: request.proven,
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
