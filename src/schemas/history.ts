import Type from 'typebox';
import { openEnum, ref, text, timestamp } from './common.ts';
import { phase, phases } from './sandbox.ts';

export const historyTypes = ['created', 'updated', 'preparing', 'retrying', ...phases] as const;
export type HistoryType = (typeof historyTypes)[number];

export const HistoryEntry = Type.Object(
  {
    id: text('orders the entries of a sandbox', '1763900000000-0'),
    at: timestamp('when it happened'),
    type: openEnum(historyTypes, { description: 'what happened', examples: ['ready'] }),
    reason: text('why, as one word or an error code', 'WriteAccepted'),
    message: text('for people', 'after 1130 ms'),
    /** The phase after it. */
    phase,
  },
  { $id: 'SandboxEvent', title: 'SandboxEvent', description: 'something that happened to a sandbox' },
);
export type HistoryEntry = Type.Static<typeof HistoryEntry>;

export const HistoryList = Type.Object(
  { items: Type.Array(ref(HistoryEntry), { description: 'oldest first, the last 200 at least' }) },
  { $id: 'SandboxEventList', title: 'SandboxEventList', description: 'the history of a sandbox' },
);
