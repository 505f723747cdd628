import Type from 'typebox';
import { integer, nullable, pageOf, stringEnum, text, timestamp } from './common.ts';

export const AuditEntry = Type.Object(
  {
    id: text('orders the entries', '1763900000000-0'),
    at: timestamp('when it was answered'),
    subject: text('who', 'key:4k2x9q7m3v8t'),
    name: text('the name of the key or person then', 'ci'),
    address: text('from where', '127.0.0.1'),
    operation: text('what: the operationId', 'createSandbox'),
    target: text('on what: the path, or what was made', '/v1/sandboxes/sb-4k2x9q7m3v8t1c6z0w5y'),
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
    requestId: text('names the request in the log', 'req-1b4e28ba-2fa1-41d2-883f-0016d3cca427'),
  },
  { $id: 'AuditEntry', title: 'AuditEntry', description: 'a call that changes something, and how it ended' },
);
export type AuditEntry = Type.Static<typeof AuditEntry>;

export const AuditList = pageOf('AuditList', AuditEntry, 'a page of the audit log');
