import type { TSchema } from 'typebox';
import { AuditEntry, AuditList } from '../src/schemas/audit.ts';
import { HistoryEntry, HistoryList } from '../src/schemas/history.ts';
import { Key, KeyCreate, KeyList, KeyWithSecret, Whoami } from '../src/schemas/key.ts';
import { Problem } from '../src/schemas/problem.ts';
import { Project, ProjectCreate, ProjectList, ProjectPatch } from '../src/schemas/project.ts';
import { Sandbox, SandboxCreate, SandboxList, SandboxPatch } from '../src/schemas/sandbox.ts';
import { UsageReport } from '../src/schemas/usage.ts';
import { VersionList } from '../src/schemas/version.ts';
import { WatchEvent } from '../src/schemas/watch.ts';
import {
  Delivery,
  DeliveryList,
  Webhook,
  WebhookCreate,
  WebhookList,
  WebhookPatch,
  WebhookWithSecret,
} from '../src/schemas/webhook.ts';

/** What the document names by itself, so that generated clients have a type for each. */
export const sharedSchemas: readonly TSchema[] = [
  Problem,
  Sandbox,
  SandboxList,
  SandboxCreate,
  SandboxPatch,
  WatchEvent,
  HistoryEntry,
  HistoryList,
  VersionList,
  Project,
  ProjectList,
  ProjectCreate,
  ProjectPatch,
  Key,
  KeyList,
  KeyCreate,
  KeyWithSecret,
  Whoami,
  UsageReport,
  AuditEntry,
  AuditList,
  Webhook,
  WebhookList,
  WebhookCreate,
  WebhookPatch,
  WebhookWithSecret,
  Delivery,
  DeliveryList,
];
