import Type from 'typebox';
import { nullable, ref, stringEnum, text } from './common.ts';
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
      description:
        'resume after it by Last-Event-ID or since; null for the sandboxes that existed when the watch began',
      examples: ['1763900000000-0'],
    }),
    /** The sandbox after the change; a bookmark has none. */
    sandbox: Type.Optional(ref(Sandbox)),
  },
  { $id: 'WatchEvent', title: 'WatchEvent', description: 'a change of a sandbox' },
);

/** The same as a message of server-sent events, with the WatchEvent as JSON in `data`. */
export const WatchMessage = Type.Object(
  {
    event: Type.Optional(text('the type of the event', 'modified')),
    id: Type.Optional(text('resume after it by Last-Event-ID', '1763900000000-0')),
    data: Type.String({
      description: 'a WatchEvent as JSON',
      contentMediaType: 'application/json',
      contentSchema: ref(WatchEvent),
      examples: ['{"type":"deleted","id":"1763900000000-0"}'],
    }),
  },
  { title: 'WatchMessage', description: 'a message of a server-sent event stream' },
);
