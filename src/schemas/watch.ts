import Type from 'typebox';
import { nullable, ref, stringEnum } from './common.ts';
import { Sandbox } from './sandbox.ts';

const watchEventTypes = ['added', 'modified', 'deleted', 'bookmark'] as const;

/** One line of NDJSON, and the `data` of one server-sent event. */
export const WatchEvent = Type.Object(
  {
    type: stringEnum(watchEventTypes, {
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

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const WatchMessage = Type.Object(
  {
    event: Type.String({ description: 'the type of the event', examples: ['modified'] }),
    id: Type.Optional(
      Type.String({
        description: 'resume after it; missing while the state at the begin is told',
        examples: ['1763900000000-0'],
      }),
    ),
    data: Type.String({
      description: 'the event, as JSON',
      contentMediaType: 'application/json',
      contentSchema: ref(WatchEvent),
    }),
  },
  { $id: 'WatchMessage', title: 'WatchMessage', description: 'a server-sent event' },
);
