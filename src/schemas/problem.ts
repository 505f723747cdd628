import Type from 'typebox';
import { errorTable } from '../errors.ts';
import { integer, openEnum, ref, text } from './common.ts';
import { Sandbox } from './sandbox.ts';

const FieldFault = Type.Object(
  {
    pointer: text('RFC 6901 pointer into the body; or #query/name, #path/name, #header/name', '/spec/ttlSeconds'),
    detail: text('the fault and the limit', 'must be >= 1'),
  },
  { title: 'FieldFault', description: 'a faulty field' },
);

const ReachedLimit = Type.Object(
  {
    name: text('which limit', 'sandboxes'),
    value: integer({ format: 'int64', description: 'how much it allows', examples: [50] }),
    used: Type.Optional(integer({ format: 'int64', description: 'how much of it is used', examples: [50] })),
  },
  { title: 'ReachedLimit', description: 'the limit that was reached' },
);

const FreshState = Type.Object(
  {
    items: Type.Array(ref(Sandbox), { description: 'the sandboxes as they are now' }),
    since: text('where to go on from', '1763900000000-0'),
    complete: Type.Boolean({ description: 'whether these are all; if not, list the rest', examples: [true] }),
  },
  { title: 'FreshState', description: 'what a watch that was away for too long begins anew with' },
);

/** RFC 9457 problem details with a stable `code`. */
export const Problem = Type.Object(
  {
    type: text('about:blank, or a page about this problem', 'about:blank'),
    title: text('what kind of problem, for people', 'Not found'),
    status: integer({ description: 'the HTTP status', examples: [404] }),
    detail: text('what happened and what to do', 'There is no sandbox sb-4k2x9q7m3v8t1c6z0w5y.'),
    code: openEnum(Object.keys(errorTable), {
      description: 'stable: branch on this; docs/errors.md lists them',
      examples: ['not_found'],
    }),
    requestId: text('names this request in the log', 'req-1b4e28ba-2fa1-41d2-883f-0016d3cca427'),
    errors: Type.Optional(Type.Array(FieldFault, { description: 'each faulty field' })),
    limit: Type.Optional(ReachedLimit),
    fresh: Type.Optional(FreshState),
  },
  { $id: 'Problem', title: 'Problem', description: 'RFC 9457 problem details' },
);
export type Problem = Type.Static<typeof Problem>;
