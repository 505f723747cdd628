import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type Audit, type AuditedCall, type AuditedWith, type AuditNote, auditNote } from '../tenancy/audit.ts';
import { principalOf } from './access.ts';

const readOnly: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Writes each call that changes something into the audit log of its project, before it is answered. */
export const auditTrail = fp<{ audit: Audit }>(
  async (app, { audit }) => {
    app.decorateRequest('auditedProject', undefined);
    app.decorateRequest('isAudited', false);
    app.addHook('onSend', async (request, reply) => {
      const { principal, failedWith } = request;
      // Without a principal there is no project whose log it could be; what the rate limit refused has done nothing.
      if (readOnly.has(request.method) || !principal || failedWith === 'rate_limited') return;
      if (request.isAudited && failedWith === undefined) return;
      const note = noteOf(request, reply);
      await audit.append(request.auditedProject ?? principal.projectUid, note).catch((error: unknown) => {
        // The call itself is done, and is answered as such: at least the log of the service has the entry.
        request.log.error({ err: error, audit: note }, 'audit entry not stored');
      });
    });
  },
  { name: 'audit-trail', dependencies: ['access', 'problems'] },
);

/** The entry of a call that will succeed, for a change that writes it in the same transaction, so that it cannot be lost. */
export function auditWith(request: FastifyRequest, answer: { status: number; target: string }): AuditedWith {
  request.isAudited = true;
  return { projectUid: principalOf(request).projectUid, note: auditNote(callerOf(request), { ...answer, code: null }) };
}

function noteOf(request: FastifyRequest, reply: FastifyReply): AuditNote {
  const target = String(reply.getHeader('location') ?? request.url.split('?', 1)[0]);
  return auditNote(callerOf(request), { target, status: reply.statusCode, code: request.failedWith ?? null });
}

function callerOf(request: FastifyRequest): AuditedCall {
  const { operationId } = (request.routeOptions.schema ?? {}) as { operationId?: string };
  return {
    principal: principalOf(request),
    address: request.ip,
    operation: operationId ?? `${request.method} ${request.routeOptions.url ?? 'unknown'}`,
    requestId: request.id,
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The uid of the project whose audit log has the call, where it is not the caller's. */
    auditedProject: string | undefined;
    /** The change of this request writes its audit entry. */
    isAudited: boolean;
  }
}
