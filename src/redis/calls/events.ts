import { asIs, list, nothing, number, scriptCall, text } from '../script-call.ts';

interface OutboxEvent {
  /** In the outbox. */
  readonly id: string;
  readonly project: string;
  readonly atMs: number;
  /** What is kept of it. */
  readonly kept: string;
}

export const queueEvents = scriptCall('queueEvents', {
  keys: { outbox: text, projects: text },
  arguments: {
    group: text,
    queuePrefix: text,
    events: (events: readonly OutboxEvent[]) =>
      events.flatMap(({ id, project, atMs, kept }) => [id, project, String(atMs), kept]),
  },
  reply: nothing,
});

/** Of each project its name and its oldest events. */
export const takeEvents = scriptCall('takeEvents', {
  keys: { projects: text },
  arguments: { queuePrefix: text, maxProjects: number, maxEvents: number, takeMs: number },
  reply: asIs<[project: string, events: string[]][]>(),
});

export const finishEvents = scriptCall('finishEvents', {
  keys: { projects: text, queue: text },
  arguments: { project: text, done: list },
  reply: nothing,
});
