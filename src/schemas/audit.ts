import Type from 'typebox';
import { integer, nullable, pageOf, stringEnum, timestamp } from './common.ts';

export const AuditEntry = Type.Object(
  {
    id: Type.String({ description: 'orders the entries', examples: ['1763900000000-0'] }),
    at: timestamp('when it was answered'),
    subject: Type.String({ description: 'who', examples: ['key:4k2x9q7m3v8t'] }),
    name: Type.String({ description: 'the name of the key or person then', examples: ['ci'] }),
    address: Type.String({ description: 'from where', examples: ['127.0.0.1'] }),
    operation: Type.String({ description: 'what: the operationId', examples: ['createSandbox'] }),
    target: Type.String({
      description: 'on what: the path, or what was made',
      examples: ['/v1/sandboxes/sb-4k2x9q7m3v8t1c6z0w5y'],
    }),
    status: integer({ description: 'the HTTP status of the answer', examples: [202] }),
    code: nullable(Type.String(), {
      description: 'the code of the problem, if it was one; else null',
      examples: ['quota_exceeded'],
    }),
    result: stringEnum(['done', 'refused', 'failed'] as const, {
      title: 'AuditResult',
      description: 'how it ended',
      examples: ['done'],
    }),
    requestId: Type.String({
      description: 'names the request in the log',
      examples: ['req-1b4e28ba-2fa1-41d2-883f-0016d3cca427'],
    }),
  },
  { $id: 'AuditEntry', title: 'AuditEntry', description: 'a call that changes something, and how it ended' },
);
export type AuditEntry = Type.Static<typeof AuditEntry>;

export const AuditList = pageOf('AuditList', AuditEntry, 'a page of the audit log');
