import { lowestPriority } from '../queue/fair-priority.ts';
import { startQueue } from '../queue/names.ts';
import { createSandbox } from '../redis/calls/sandbox-writes.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import { type AuditedWith, maxAuditEntries } from '../tenancy/audit.ts';
import type { StoredKey } from '../tenancy/principal.ts';
import { describeChange, type Why } from './history.ts';
import { footprint } from './plan.ts';
import { nextCheckAt, type SandboxRecord } from './record.ts';
import { type StoredText, toText } from './store-read.ts';
import { type StoreWrite, writtenKeys, writtenValues } from './store-write.ts';
import { usageNames } from './usage.ts';

type Created =
  | {
      readonly outcome: 'created' | 'exists';
      readonly stored: StoredText;
      /** That its start is to be queued with; null when it may be queued already. */
      readonly priority: number | null;
    }
  | { readonly outcome: 'key_ended' | 'not_found' | 'deleting' }
  | {
      readonly outcome: 'quota';
      readonly limit: { readonly name: string; readonly value: number; readonly used: number };
      readonly retryAfterMs: number;
    };

interface CreateOptions {
  readonly why?: Why;
  /** Written with the record, or not at all. */
  readonly audited?: AuditedWith | undefined;
  /** The key that the caller was authenticated by: it has to be valid still. */
  readonly key?: StoredKey | null | undefined;
}

export function recordCreation(write: StoreWrite & { readonly quotaDefaults: readonly number[] }) {
  const { redis, keys, quotaDefaults } = write;

  /** Makes a record if the caller's key is still valid and the project's limits allow it, and counts it. Gives its start a priority. */
  return async function create(record: SandboxRecord, { why, audited, key }: CreateOptions = {}): Promise<Created> {
    const { sandbox, ...internal } = record;
    const reply = await createSandbox(redis, {
      ...writtenValues(write, sandbox),
      keys: {
        ...writtenKeys(keys, sandbox),
        auditLog: keys.audit(audited?.projectUid ?? ''),
        apiKey: keys.apiKey(key?.id ?? ''),
        fairness: keys.fairness(startQueue(sandbox.status.runtime)),
      },
      ...footprint(sandbox.spec),
      createdAtMs: Date.parse(sandbox.createdAt),
      internal: JSON.stringify(internal),
      ttlSeconds: sandbox.spec.ttlSeconds ?? -1,
      usageNames: usageNames(sandbox),
      historyEntry: JSON.stringify(describeChange(null, record, why)),
      auditEntry: audited ? JSON.stringify(audited.note) : '',
      maxAuditEntries,
      projectUid: audited?.projectUid ?? '',
      nextCheckAtMs: nextCheckAt(record),
      keyHash: key?.hash ?? '',
      lowestPriority,
      defaultQuotas: quotaDefaults,
    });
    const [outcome] = reply;
    if (outcome === 'created') return { outcome, stored: toText(sandbox), priority: reply[1] };
    if (outcome === 'exists') return { outcome, stored: toText(JSON.parse(reply[1]) as Sandbox), priority: null };
    if (outcome !== 'quota') return { outcome };
    const [, name, value, used, retryAfterMs] = reply;
    return { outcome, limit: { name, value, used }, retryAfterMs };
  };
}
