import Type from 'typebox';
import { integer } from '../../src/schemas/common.ts';
import { exampleCursor } from '../../src/schemas/examples.ts';

/** Parameters that several routes take. */
const ifMatch = Type.Optional(
  Type.String({
    description: 'an ETag: change only this version',
    minLength: 1,
    maxLength: 1000,
    format: 'etags',
    pattern: '^\\s*(\\*|(W/)?"[^"]*"(\\s*,\\s*(W/)?"[^"]*")*)\\s*$',
    examples: ['"7"'],
  }),
);

export const idempotencyKey = Type.Optional(
  Type.String({
    description: 'the same key and request give the same answer for 24 h',
    minLength: 1,
    maxLength: 255,
    examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
  }),
);

export const PostHeaders = Type.Object({ 'idempotency-key': idempotencyKey });
export const IfMatchHeaders = Type.Object({ 'if-match': ifMatch });

export const limit = integer({
  description: 'how many at most',
  default: 50,
  minimum: 1,
  maximum: 500,
  examples: [50],
});

export const cursor = Type.Optional(
  Type.String({
    description: 'nextCursor of the page before',
    minLength: 1,
    maxLength: 200,
    pattern: '^[A-Za-z0-9_-]+$',
    format: 'cursor',
    examples: [exampleCursor],
  }),
);

export const PageQuery = Type.Object({ limit, cursor }, { additionalProperties: false });

export const labelSelector = Type.Optional(
  Type.Array(Type.String({ maxLength: 1000, format: 'label-selector' }), {
    description:
      'a label selector as Kubernetes has them: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, separated by commas; repeatable: all must hold',
    // With more, they would not fit into the headers.
    maxItems: 8,
    examples: [['team=ci,!old']],
  }),
);
