import type { Logger } from 'pino';
import type { AppError } from '../errors.ts';
import type { SandboxQueues } from '../queue/sandbox-queues.ts';
import type { Sandbox } from '../schemas/sandbox.ts';
import type { SandboxCreate } from '../schemas/sandbox-input.ts';
import type { AuditedWith } from '../tenancy/audit.ts';
import { keyEnded } from '../tenancy/key-format.ts';
import { noProject, projectDeleting } from '../tenancy/projects.ts';
import { quotaExceeded } from '../tenancy/quotas.ts';
import { type Caller, requestedBy } from './caller.ts';
import { checkArguments } from './flags.ts';
import type { Hosts } from './hosts.ts';
import { newSandboxId } from './record.ts';
import { newRecord } from './resource.ts';
import type { Store } from './store.ts';
import type { StoredText } from './store-read.ts';

export interface CreateOptions {
  readonly store: Store;
  readonly queues: SandboxQueues;
  readonly hosts: Hosts;
  readonly resolveVersions: (wanted: { kubernetesVersion?: string; etcdVersion?: string }) => {
    kubernetesVersion: string;
    etcdVersion: string;
  };
  readonly logger: Logger;
}

export function createServiceCreate({ store, queues, hosts, resolveVersions, logger }: CreateOptions) {
  /**
   * Accepts a sandbox and queues its start. `audited` is written with the record, or not at all. Throws `key_revoked` when
   * the caller's key is no longer valid, `quota_exceeded`, `argument_not_allowed`, `no_worker`, `disk_full`, `not_found` and
   * `project_deleting`.
   */
  return async function create(
    caller: Caller,
    body: SandboxCreate,
    { id = newSandboxId(), audited }: { id?: string; audited?: AuditedWith | undefined } = {},
  ): Promise<StoredText> {
    const { project, key } = caller;
    checkArguments(body.spec);
    const versions = resolveVersions(body.spec);
    // In one round trip.
    const [runtime, nowMs] = await Promise.all([hosts.runtimeFor(body.spec.runtime), store.timeMs()]);
    const record = newRecord({ id, project, body, versions, runtime, now: new Date(nowMs) });
    const created = await store.create(record, { why: requestedBy(caller), audited, key });
    if ('stored' in created) {
      // Of a create that is repeated, the runtime is that of the first one.
      const { status } = JSON.parse(created.stored.text) as Sandbox;
      await queues.addStart(status.runtime, { id, project }, created.priority).catch((error: unknown) => {
        logger.warn({ sandboxId: id, err: error }, 'start not queued, a sweep will add it');
      });
      return created.stored;
    }
    if (!('limit' in created)) throw refusal(created.outcome, project);
    const { limit, retryAfterMs } = created;
    // A create without a time to live gets the longest that is allowed.
    if (limit.name === 'maxTtlSeconds' && body.spec.ttlSeconds === undefined) {
      return await create(caller, { ...body, spec: { ...body.spec, ttlSeconds: limit.value } }, { id, audited });
    }
    throw quotaExceeded(project, limit, retryAfterMs);
  };
}

function refusal(outcome: 'key_ended' | 'not_found' | 'deleting', project: string): AppError {
  if (outcome === 'key_ended') return keyEnded();
  return outcome === 'not_found' ? noProject(project) : projectDeleting(project);
}
