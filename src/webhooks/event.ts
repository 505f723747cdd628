import { outboxFields } from '../redis/fields.ts';
import type { WebhookEvent } from '../schemas/webhook.ts';

/** An event as the outbox holds it: its id there, and the fields that were written. */
export type Entry = readonly [id: string, fields: Readonly<Record<string, string>>];

export function projectOf([, fields]: Entry): string {
  return fields[outboxFields.project] ?? '';
}

/** By the clock of the store. */
export function timeMsOf([id]: Entry): number {
  return Number(id.split('-')[0]);
}

/** A change of a sandbox as its record's script noted it, or an event of the service's own. Throws when it is neither. */
export function contentOf([, fields]: Entry): { event: WebhookEvent; data: object } {
  const {
    [outboxFields.event]: event,
    [outboxFields.data]: data = '{}',
    [outboxFields.change]: change = '{}',
    [outboxFields.sandbox]: sandbox = '{}',
  } = fields;
  if (event) return { event: event as WebhookEvent, data: JSON.parse(data) as object };
  const { type, reason, message } = JSON.parse(change) as { type: string; reason: string; message: string };
  return { event: `sandbox.${type}` as WebhookEvent, data: { reason, message, sandbox: JSON.parse(sandbox) } };
}
