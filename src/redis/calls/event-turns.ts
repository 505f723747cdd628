import { asIs, list, nothing, number, scriptCall, text } from '../script-call.ts';

interface OutboxEvent {
  /** In the outbox. */
  readonly id: string;
  readonly project: string;
  readonly atMs: number;
  /** What is kept of it. */
  readonly kept: string;
}

export const setEventsAside = scriptCall('setEventsAside', {
  keys: { outbox: text, turns: text },
  arguments: {
    group: text,
    linePrefix: text,
    events: (events: readonly OutboxEvent[]) =>
      events.flatMap(({ id, project, atMs, kept }) => [id, project, String(atMs), kept]),
  },
  reply: nothing,
});

/** Of each project its name and its oldest events. */
export const takeEventTurns = scriptCall('takeEventTurns', {
  keys: { turns: text },
  arguments: { linePrefix: text, maxProjects: number, maxEvents: number, turnMs: number },
  reply: asIs<[project: string, events: string[]][]>(),
});

export const endEventTurn = scriptCall('endEventTurn', {
  keys: { turns: text, line: text },
  arguments: { project: text, done: list },
  reply: nothing,
});
