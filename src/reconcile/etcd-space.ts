import type { Logger } from 'pino';
import type { Runtime } from '../runtime/driver.ts';
import { type EtcdClient, openEtcd } from '../runtime/etcd-client.ts';
import { etcdQuotaBytes } from '../sandbox/plan.ts';
import type { SandboxRecord } from '../sandbox/record.ts';

export type EtcdSpace = ReturnType<typeof createEtcdSpace>;

/** What the condition EtcdReady says. */
export const space = { status: 'true', reason: 'Accepting', message: '' } as const;
export const noSpace = {
  status: 'false',
  reason: 'NoSpace',
  message: 'its quota (quota-backend-bytes) is reached and writes are refused: delete objects',
} as const;

/** What must be in use at most, of the quota, for writes to be taken again: else the next one would end that. */
const roomAtMost = 0.9;
/** A try keeps etcd from its other work for some time: so many times as long passes until the next. */
const pauseTimes = 20;

/** A try that found no room. */
interface Vain {
  /** Nothing can have changed until the next revision. */
  readonly revision: string;
  readonly againAt: number;
}

/**
 * Looks after etcds that have reached their quota. etcd then refuses every write that adds, and goes on doing so after objects
 * were deleted, until it was compacted and defragmented and its alarm was turned off (etcd.io/docs/v3.6/op-guide/maintenance).
 */
export function createEtcdSpace({ logger, signal }: { logger: Logger; signal: AbortSignal }) {
  const vain = new Map<string, Vain>();
  const freeing = new Map<string, Promise<void>>();

  /** Closes the client when it is done. */
  function freeInBackground(etcd: EtcdClient, member: string, record: SandboxRecord): void {
    const { id } = record.sandbox;
    const work = free({ etcd, member, record, vain, logger })
      // Tried again at the next look, for as long as the alarm is there.
      .catch((error: unknown) => {
        if (!signal.aborted) logger.warn({ sandboxId: id, err: error }, 'no space freed in etcd');
      })
      .finally(async () => {
        freeing.delete(id);
        await etcd.close();
      });
    freeing.set(id, work);
  }

  return {
    /** Whether etcd takes writes. When it does not, makes room if there can be any. Null: it does not tell. */
    async hasSpace(runtime: Pick<Runtime, 'etcdSocket'>, record: SandboxRecord): Promise<boolean | null> {
      const { id } = record.sandbox;
      if (freeing.has(id)) return false;
      const socket = await runtime.etcdSocket(id);
      // One that does not answer is found by its kube-apiserver, which is asked whether it is ready.
      const etcd = socket && (await openEtcd(socket, signal).catch(() => null));
      if (!etcd) return null;
      const members = await etcd.membersWithoutSpace().catch(() => null);
      const member = members?.[0];
      if (member === undefined) await etcd.close();
      else freeInBackground(etcd, member, record);
      return members && member === undefined;
    },
    forget: (id: string) => void vain.delete(id),
    /** Resolves when nothing is being freed any more. */
    settled: async () => void (await Promise.allSettled(freeing.values())),
  };
}

interface Full {
  readonly etcd: EtcdClient;
  readonly member: string;
  readonly record: SandboxRecord;
  readonly vain: Map<string, Vain>;
  readonly logger: Logger;
}

/** Makes room and, if there is some then, has etcd take writes again. May be cut off anywhere, and repeated. */
async function free({ etcd, member, record: { sandbox }, vain, logger }: Full): Promise<void> {
  const { id, spec } = sandbox;
  const { revision } = await etcd.status();
  const last = vain.get(id);
  if (last && (last.revision === revision || last.againAt > performance.now())) return;
  const began = performance.now();
  await etcd.compact(revision);
  // Before it is measured: what the compaction has freed is counted in full only then.
  await etcd.defragment();
  const { bytesInUse } = await etcd.status();
  if (bytesInUse > roomAtMost * etcdQuotaBytes(spec)) {
    const now = performance.now();
    vain.set(id, { revision, againAt: now + pauseTimes * (now - began) });
    return;
  }
  await etcd.takeWritesAgain(member);
  vain.delete(id);
  logger.info({ sandboxId: id, bytesInUse }, 'etcd has space again');
}
