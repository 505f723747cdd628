import type { TSchema } from 'typebox';
import { AuditEntry, AuditList } from '../../src/schemas/audit.ts';
import { HistoryEntry, HistoryList } from '../../src/schemas/history.ts';
import { Key, KeyList, KeyWithSecret, Whoami } from '../../src/schemas/key.ts';
import { Kubeconfig } from '../../src/schemas/kubeconfig.ts';
import { Problem } from '../../src/schemas/problem.ts';
import { Project, ProjectList } from '../../src/schemas/project.ts';
import { Sandbox, SandboxList } from '../../src/schemas/sandbox.ts';
import { UsageReport } from '../../src/schemas/usage.ts';
import { VersionList } from '../../src/schemas/version.ts';
import { WatchEvent } from '../../src/schemas/watch.ts';
import { Delivery, DeliveryList, Webhook, WebhookList, WebhookWithSecret } from '../../src/schemas/webhook.ts';

/** What other schemas refer to. What else has a title gets its name in the document as well. */
export const sharedSchemas: readonly TSchema[] = [
  Problem,
  Kubeconfig,
  Sandbox,
  SandboxList,
  WatchEvent,
  HistoryEntry,
  HistoryList,
  VersionList,
  Project,
  ProjectList,
  Key,
  KeyList,
  KeyWithSecret,
  Whoami,
  UsageReport,
  AuditEntry,
  AuditList,
  Webhook,
  WebhookList,
  WebhookWithSecret,
  Delivery,
  DeliveryList,
];
