import type { Logger } from 'pino';
import type { Runtime } from '../runtime/driver.ts';
import { type EtcdClient, openEtcd } from '../runtime/etcd-client.ts';
import { etcdQuotaBytes } from '../sandbox/plan.ts';
import type { SandboxRecord } from '../sandbox/record.ts';

export type EtcdSpace = ReturnType<typeof createEtcdSpace>;

/** What must be in use at most, of the quota, for writes to be taken again: else the next one would end that. */
const roomAtMost = 0.9;

/**
 * Looks after etcds that have reached their quota. etcd then refuses every write that adds, and goes on doing so after objects
 * were deleted, until it was compacted and defragmented and its alarm was turned off (etcd.io/docs/v3.6/op-guide/maintenance).
 */
export function createEtcdSpace({ logger }: { logger: Logger }) {
  /** At which revision there was no room: nothing can have changed until the next one. */
  const fullAt = new Map<string, string>();
  const freeing = new Map<string, Promise<void>>();

  async function free(etcd: EtcdClient, member: string, { sandbox: { id, spec } }: SandboxRecord): Promise<void> {
    const { revision } = await etcd.status();
    if (fullAt.get(id) === revision) return;
    fullAt.set(id, revision);
    await etcd.compact(revision);
    const { bytesInUse } = await etcd.status();
    if (bytesInUse > roomAtMost * etcdQuotaBytes(spec)) return;
    await etcd.defragment();
    await etcd.takeWritesAgain(member);
    logger.info({ sandboxId: id, bytesInUse }, 'etcd has space again');
  }

  function freeInBackground(socket: string, member: string, record: SandboxRecord): void {
    const { id } = record.sandbox;
    if (freeing.has(id)) return;
    const etcd = openEtcd(socket);
    const work = free(etcd, member, record)
      // Asked again at the next look, which comes to this when the alarm is still there.
      .catch((error: unknown) => logger.warn({ sandboxId: id, err: error }, 'no space freed in etcd'))
      .finally(() => {
        etcd.close();
        freeing.delete(id);
      });
    freeing.set(id, work);
  }

  return {
    /** Whether etcd takes writes. When it does not, makes room if there can be any. Null: it does not tell. */
    async hasSpace(runtime: Runtime, record: SandboxRecord): Promise<boolean | null> {
      const socket = await runtime.etcdSocket(record.sandbox.id);
      if (socket === null) return null;
      const etcd = openEtcd(socket);
      try {
        const [member] = await etcd.membersWithoutSpace();
        if (member !== undefined) freeInBackground(socket, member, record);
        return member === undefined;
      } catch {
        // One that does not answer is found by its kube-apiserver, which is asked whether it is ready.
        return null;
      } finally {
        etcd.close();
      }
    },
    forget: (id: string) => void fullAt.delete(id),
    /** Resolves when nothing is being freed any more. */
    settled: async () => void (await Promise.allSettled(freeing.values())),
  };
}
