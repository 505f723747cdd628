import Type from 'typebox';
import { nullable, ref, stringEnum } from './common.ts';
import { Sandbox } from './sandbox.ts';

/** One line of NDJSON, and the `data` of one server-sent event. */
export const WatchEvent = Type.Object(
  {
    type: stringEnum(['added', 'modified', 'deleted', 'bookmark'] as const, {
      title: 'WatchEventType',
      description: 'what happened; a bookmark only tells where to resume',
      examples: ['modified'],
    }),
    id: nullable(Type.String(), {
      description: 'resume after it by Last-Event-ID or since; null while the state at the begin is told',
      examples: ['1763900000000-0'],
    }),
    sandbox: nullable(ref(Sandbox), { description: 'as it is since; null in a bookmark' }),
  },
  { $id: 'WatchEvent', title: 'WatchEvent', description: 'a change of a sandbox' },
);
