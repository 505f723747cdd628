import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../errors.ts';
import { checkMatch } from '../resources/etag.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { SandboxPatch } from '../schemas/sandbox-input.ts';
import { quotaExceeded } from '../tenancy/quotas.ts';
import { type Caller, requestedBy } from './caller.ts';
import type { Deletion } from './deletion.ts';
import { findSandbox, notFound } from './find.ts';
import type { SandboxRecord } from './record.ts';
import { merge } from './resource.ts';
import type { Store } from './store.ts';

export interface ChangeOptions {
  readonly store: Store;
  readonly deletion: Deletion;
  /** The longest time to live in a project, in seconds; null for no limit. */
  readonly maxTtlSeconds: (project: string) => Promise<number | null>;
}

export function createServiceChanges({ store, deletion, maxTtlSeconds }: ChangeOptions) {
  async function checkTtl(project: string, ttlSeconds: number | null | undefined): Promise<void> {
    if (ttlSeconds === undefined) return;
    const longest = await maxTtlSeconds(project);
    if (longest === null || (ttlSeconds !== null && ttlSeconds <= longest)) return;
    throw quotaExceeded(project, { name: 'maxTtlSeconds', value: longest, used: ttlSeconds ?? -1 }, 0);
  }

  return {
    async patch(caller: Caller, id: string, body: SandboxPatch, ifMatch?: string): Promise<Sandbox> {
      await findSandbox(store, caller.project, id);
      await checkTtl(caller.project, body.spec?.ttlSeconds);
      const change = (record: SandboxRecord) => {
        checkMatch(record.sandbox.resourceVersion, ifMatch);
        if (record.desired === 'deleted') {
          throw new AppError('sandbox_deleting', `${id} is being deleted, and cannot be changed any more.`);
        }
        const merged = merge(record, body);
        return isDeepStrictEqual(merged.sandbox, record.sandbox) ? null : merged;
      };
      const updated = await store.update(id, change, { why: requestedBy(caller) });
      if (!updated) throw notFound(id);
      return updated.sandbox;
    },

    /** `force`: its record goes at once when no worker serves its host, whatever may be left there. */
    async remove(
      caller: Caller,
      id: string,
      { ifMatch, force = false }: { ifMatch?: string | undefined; force?: boolean } = {},
    ): Promise<Sandbox> {
      await findSandbox(store, caller.project, id);
      const check = ({ sandbox }: SandboxRecord) => checkMatch(sandbox.resourceVersion, ifMatch);
      const marked = await deletion.request(id, requestedBy(caller), { check, force });
      if (!marked) throw notFound(id);
      return marked.sandbox;
    },
  };
}
