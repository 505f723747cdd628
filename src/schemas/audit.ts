import Type from 'typebox';
import { nullable, ref, stringEnum, timestamp } from './common.ts';

export const AuditEntry = Type.Object(
  {
    id: Type.String({ description: 'orders the entries', examples: ['1763900000000-0'] }),
    at: timestamp('when it was answered'),
    subject: Type.String({ description: 'who', examples: ['key:4k2x9q7m3v8t'] }),
    name: Type.String({ description: 'the name of the key or person then', examples: ['ci'] }),
    address: Type.String({ description: 'from where', examples: ['127.0.0.1'] }),
    operation: Type.String({ description: 'what: the operationId', examples: ['createSandbox'] }),
    target: Type.String({ description: 'on what: the path, or what was made', examples: ['/v1/sandboxes/sb-…'] }),
    status: Type.Integer({ description: 'the HTTP status of the answer', examples: [202] }),
    code: nullable(Type.String(), { description: 'the code of the problem, if it was one', examples: [null] }),
    result: stringEnum(['done', 'refused', 'failed'] as const, { description: 'how it ended', examples: ['done'] }),
    requestId: Type.String({ description: 'names the request in the log', examples: ['req-…'] }),
  },
  { $id: 'AuditEntry', title: 'AuditEntry', description: 'a call that changes something, and how it ended' },
);
export type AuditEntry = Type.Static<typeof AuditEntry>;

export const AuditList = Type.Object(
  {
    items: Type.Array(ref(AuditEntry), { description: 'this page, newest first' }),
    nextCursor: nullable(Type.String(), { description: 'for the next page; null on the last', examples: [null] }),
  },
  { $id: 'AuditList', title: 'AuditList', description: 'a page of the audit log' },
);
