import type { AuditEntry } from './audit.ts';
import { at, exampleEventId, exampleSandbox } from './examples.ts';
import type { Key, KeyWithSecret, Whoami } from './key.ts';
import type { Project } from './project.ts';
import type { UsageReport } from './usage.ts';
import type { Delivery, Webhook, WebhookWithSecret } from './webhook.ts';

/** Examples of projects, and of what is in them besides sandboxes. */
export const exampleProject: Project = {
  name: 'team-a',
  uid: '0198c5a1-7e2b-4c3d-9f40-5a6b7c8d9e0f',
  state: 'active',
  quotas: {
    sandboxes: 100,
    awake: 10,
    startsPerMinute: 120,
    maxTtlSeconds: null,
    memoryMiB: 153_600,
    diskMiB: 460_800,
  },
  used: { sandboxes: 3, awake: 2, memoryMiB: 6144, diskMiB: 13_824 },
  resourceVersion: '1',
  createdAt: at('09:00:00.000'),
};

export const deletingProject: Project = { ...exampleProject, state: 'deleting', resourceVersion: '2' };

export const exampleKey: Key = {
  id: '4k2x9q7m3v8t',
  name: 'ci',
  project: 'team-a',
  scopes: ['read', 'write'],
  createdAt: at('09:00:01.000'),
  expiresAt: null,
  lastUsedAt: at('12:00:00.000'),
};

export const exampleNewKey: KeyWithSecret = {
  ...exampleKey,
  lastUsedAt: null,
  secret: 'sandplane_4k2x9q7m3v8t_kT3vQ9xZ1mB7rW5yH2nD8sF4gJ6pL0cVaEuIoRzXqSwMd1b2NfGh3',
};

export const exampleWhoami: Whoami = {
  kind: 'key',
  subject: 'key:4k2x9q7m3v8t',
  name: 'ci',
  project: 'team-a',
  scopes: ['read', 'write'],
  expiresAt: null,
};

export const exampleUsage: UsageReport = {
  project: 'team-a',
  from: at('00:00:00.000'),
  to: '2026-11-24T00:00:00.000Z',
  total: { sandboxSeconds: 86_400.5, peak: 12 },
  labels: [{ label: 'team=ci', sandboxSeconds: 3600, peak: 4 }],
};

export const exampleAuditEntry: AuditEntry = {
  id: exampleEventId,
  at: at('12:00:00.000'),
  subject: 'key:4k2x9q7m3v8t',
  name: 'ci',
  address: '127.0.0.1',
  operation: 'createSandbox',
  target: `/v1/sandboxes/${exampleSandbox.id}`,
  status: 202,
  code: null,
  result: 'done',
  requestId: 'req-1b4e28ba-2fa1-41d2-883f-0016d3cca427',
};

export const exampleWebhook: Webhook = {
  id: 'wh-4k2x9q7m3v8t1c6z0w5y',
  project: 'team-a',
  url: 'https://ci.example.com/hooks/sandplane',
  events: ['sandbox.ready', 'sandbox.failed'],
  description: 'CI',
  disabled: false,
  disabledReason: null,
  lastSuccessAt: at('12:00:01.172'),
  resourceVersion: '1',
  createdAt: at('09:00:02.000'),
};

export const exampleNewWebhook: WebhookWithSecret = {
  ...exampleWebhook,
  lastSuccessAt: null,
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
};

export const exampleDelivery: Delivery = {
  id: 'dl-1763900000000-0-4k2x9q7m3v8t1c6z0w5y',
  webhookId: exampleWebhook.id,
  event: 'sandbox.ready',
  messageId: 'evt_1763900000000-0',
  state: 'delivered',
  attempts: [{ at: at('12:00:01.130'), status: 200, error: null, durationMs: 42 }],
  attemptCount: 1,
  nextAttemptAt: null,
  createdAt: at('12:00:01.130'),
};

export const pendingDelivery: Delivery = {
  ...exampleDelivery,
  state: 'pending',
  nextAttemptAt: at('12:30:00.000'),
};
