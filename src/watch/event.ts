import { eventFields } from '../redis/fields.ts';
import { fieldsOf } from '../redis/streams.ts';
import { matchesLabels, type Requirement } from '../sandbox/selector.ts';
import type { Sandbox } from '../schemas/sandbox.ts';

type ChangeType = 'added' | 'modified' | 'deleted';

/** A change of a sandbox, as in the event log of its project. */
export interface LogEvent {
  readonly id: string;
  readonly type: ChangeType;
  readonly sandboxId: string;
  readonly sandbox: Sandbox;
  /** The labels before this change, null where it did not change them. */
  readonly labelsBefore: Record<string, string> | null;
  /** The event as JSON, with the type that it has for one watch. */
  readonly line: (type: ChangeType) => string;
}

/** Reads an entry of the stream. */
export function toEvent(id: string, fields: string[]): LogEvent {
  const values = fieldsOf(fields) as Record<string, string>;
  const { [eventFields.sandbox]: text = '', [eventFields.labelsBefore]: names } = values;
  return {
    id,
    type: values[eventFields.type] as ChangeType,
    sandboxId: values[eventFields.sandboxId] ?? '',
    sandbox: JSON.parse(text) as Sandbox,
    labelsBefore: names ? labelsOf(JSON.parse(names) as string[]) : null,
    line: (type) => `{"type":"${type}","id":"${id}","sandbox":${text}}`,
  };
}

/** From `key=value`; a key has no `=`. */
function labelsOf(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => name.split(/=(.*)/s) as [string, string]));
}

/**
 * What an event is to a watch with a selector, or null when the watch is not told of it. As in a watch of Kubernetes, a
 * sandbox whose new labels match no longer is `deleted`, and one whose new labels match for the first time is `added`.
 */
export function relevance(event: LogEvent, requirements: readonly Requirement[]): ChangeType | null {
  const { type, sandbox, labelsBefore } = event;
  const matches = matchesLabels(sandbox.labels, requirements);
  const matched = labelsBefore === null ? matches : matchesLabels(labelsBefore, requirements);
  if (!matches && !matched) return null;
  if (type !== 'modified' || matches === matched) return type;
  return matches ? 'added' : 'deleted';
}

/** Orders ids of a Redis stream: milliseconds, then a number within them. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number);
  return aMs - bMs || aSeq - bSeq;
}
