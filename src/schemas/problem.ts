import Type from 'typebox';
import { errorTable } from '../errors.ts';
import { stringEnum } from './common.ts';

/** RFC 9457 problem details with a stable `code`. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'about:blank, or a page about this problem', examples: ['about:blank'] }),
    title: Type.String({ description: 'what kind of problem, for people', examples: ['Not found'] }),
    status: Type.Integer({ description: 'the HTTP status', examples: [404] }),
    detail: Type.String({ description: 'what happened and what to do', examples: ['There is no sandbox sb-….'] }),
    code: stringEnum(Object.keys(errorTable), {
      description: 'stable: branch on this',
      examples: ['not_found'],
    }),
    requestId: Type.String({ description: 'names this request in the log', examples: ['req-1f'] }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'RFC 6901 pointer into the body', examples: ['/spec/ttlSeconds'] }),
          detail: Type.String({ description: 'the fault and the limit', examples: ['must be >= 1'] }),
        }),
        { description: 'each faulty field' },
      ),
    ),
    limit: Type.Optional(
      Type.Object(
        {
          name: Type.String({ description: 'which limit', examples: ['sandboxes'] }),
          value: Type.Number({ description: 'how much it allows', examples: [50] }),
          used: Type.Optional(Type.Number({ description: 'how much of it is used', examples: [50] })),
        },
        { description: 'the limit that was reached' },
      ),
    ),
  },
  { $id: 'Problem', title: 'Problem', description: 'RFC 9457 problem details' },
);
export type Problem = Type.Static<typeof Problem>;
